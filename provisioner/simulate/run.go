// Package simulate runs the decision core under virtual time: the request, balancer,
// worker queue and fleet machines that serve in reality are driven by an event heap
// instead of goroutines and a clock. It answers what a plan would do to given traffic,
// and what it would cost, a million requests a second.
package simulate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/serflow/serflow-go/balancer"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/provisioner/simulate/depth"
	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
)

// Run simulates a scenario. An error wraps ErrScenario, or is that of the traffic, the
// depths, the world or ctx. The memory that it takes grows with the requests that are under way at one
// time, not with those of the whole run.
func Run(ctx context.Context, s Scenario) (Result, error) {
	if err := s.validate(); err != nil {
		return Result{}, err
	}
	if err := ctx.Err(); err != nil {
		return Result{}, err
	}
	r, err := newRun(s)
	if err != nil {
		return Result{}, err
	}
	if c, ok := r.traffic.(io.Closer); ok {
		defer c.Close()
	}
	if err := r.loop(ctx); err != nil {
		return Result{}, fmt.Errorf("at %v: %w", r.now, err)
	}
	return r.result(), nil
}

// run is one simulation under way.
type run struct {
	Scenario
	now     time.Duration
	ended   time.Duration // when the last request ended
	events  agenda
	later   []func() // of events that are too rare to have a kind
	arrival time.Duration

	traffic traffic.Source
	depths  depth.Source
	world   World
	route   *rand.Rand // of the balancer
	work    *rand.Rand // of service times

	balancer *balancer.Balancer
	fleet    *provisioner.Fleet
	control  *controlled // nil without a loop
	tickAt   time.Duration
	move     *move // to another plan; nil if there is none
	moved    bool  // there has been one
	replanAt time.Duration
	broken   error // why the run cannot go on

	requests []request
	free     []uint32
	open     int
	places   []place // by the balancer's ID
	groups   []*group
	vms      map[string]*vm
	launches map[string]launched // that have not been answered, by token

	functions int // that there have been

	detail *detail // nil without Detail
	exited []bool  // scratch
	count  counts
}

// place is a VM or a function, and the group that it belongs to.
type place struct {
	vm       *vm
	function *function
	group    *group
}

// Streams of random numbers, so that one thing drawn more often does not change the
// others.
const (
	streamTraffic = iota + 1
	streamDepths
	streamWorld
	streamRoute
	streamWork
)

func (s *Scenario) random(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(s.Seed, stream)) }

func newRun(s Scenario) (*run, error) {
	s.Rules.Stages = s.Stages
	r := &run{
		Scenario: s, tickAt: Never, arrival: Never, world: perfect{},
		route: s.random(streamRoute), work: s.random(streamWork),
		balancer: balancer.New(), places: make([]place, 1),
		vms: map[string]*vm{}, launches: map[string]launched{},
		count: newCounts(s),
	}
	r.events.counts = r.waits
	var err error
	if r.traffic, err = s.Traffic(s.random(streamTraffic)); err != nil {
		return nil, err
	}
	if r.depths, err = s.Depths(s.random(streamDepths)); err != nil {
		return nil, err
	}
	if s.World != nil {
		if r.world, err = s.World(s.random(streamWorld)); err != nil {
			return nil, err
		}
	}
	if r.traffic == nil || r.depths == nil || r.world == nil {
		return nil, fmt.Errorf("%w: its Traffic, Depths or World returned nothing and no error", ErrScenario)
	}
	if err := r.startControl(); err != nil {
		return nil, err
	}
	r.balancer.Publish(s.Plan.Generation)
	if err := r.addFunctions(); err != nil {
		return nil, err
	}
	if s.Rules.Without&balancer.Warmth == 0 {
		r.at(0, r.keepWarm)
	}
	if r.Settle > 0 {
		r.at(r.Settle, r.settle)
	}
	r.startDetail()
	return r, r.startFleet()
}

// loop handles what is due, in order, until nothing is left to happen.
func (r *run) loop(ctx context.Context) error {
	if err := r.nextArrival(); err != nil {
		return err
	}
	for n := 1; ; n++ {
		due, where := r.events.next()
		if n&0xffff == 0 {
			if err := r.pause(ctx); err != nil {
				return err
			}
		}
		switch {
		case r.broken != nil:
			return r.broken
		case r.arrival < due:
			r.now = r.arrival
			if err := errors.Join(r.arrive(), r.nextArrival()); err != nil {
				return err
			}
		case r.open == 0 && r.arrival == Never && due > r.Until:
			r.now = max(r.ended, r.Until)
			return nil
		case due > endOfTime:
			return fmt.Errorf("%w: %d requests would not end within %v: give an SLO, or fewer tries", ErrScenario, r.open, endOfTime)
		default:
			r.now = due
			r.handle(r.events.take(where))
		}
	}
}

// pause lets others know how far the run is, and ends it with its context.
func (r *run) pause(ctx context.Context) error {
	if r.Progress != nil {
		r.Progress(r.now)
	}
	return ctx.Err()
}

func (r *run) nextArrival() error {
	at, err := r.traffic.Next()
	switch {
	case errors.Is(err, io.EOF):
		at = Never
	case err != nil:
		return err
	case at < r.now:
		return fmt.Errorf("%w: its traffic goes back to %v", ErrScenario, at)
	case at > endOfTime:
		return fmt.Errorf("%w: its traffic goes on until %v", ErrScenario, at)
	}
	r.arrival = at
	return nil
}

// event is what will happen. Its fields mean what its kind says. The compiler keeps a struct of
// no more than four fields in registers, and each event is handed on some ten times.
type event struct {
	what
	place   uint32
	request uint32 // or a VM's slot, or the index of a func
	serial  uint32 // of the request's attempt, or of the request itself
}

type what struct {
	kind    kind
	outcome balancer.Outcome
	stage   uint16
}

type kind uint8

const (
	reached  kind = iota // a request is at its place
	served               // a VM's slot has run its batch
	woken                // a VM's queue wants to be looked at
	returned             // a function's call is over
	replied              // a reply is back
	timer                // a request wants to be woken
	ticked               // the fleet does
	rare                 // call a func
)

func (r *run) handle(e event) {
	switch e.kind {
	case reached:
		r.reach(e)
	case served:
		r.serve(r.places[e.place].vm, int(e.request))
	case woken:
		r.wakeVM(r.places[e.place].vm)
	case returned:
		r.functionReturn(e)
	case replied:
		r.reply(e)
	case timer:
		r.timer(e)
	case ticked:
		r.tickFleet()
	case rare:
		f := r.later[e.request]
		r.later[e.request] = nil
		f()
	}
}

// at calls f at a time; never if that is Never.
func (r *run) at(t time.Duration, f func()) {
	if t == Never {
		return
	}
	i := len(r.later)
	for j, old := range r.later {
		if old == nil {
			i = j
			break
		}
	}
	if i == len(r.later) {
		r.later = append(r.later, nil)
	}
	r.later[i] = f
	r.events.at(t, event{what: what{kind: rare}, request: uint32(i)})
}

// century is longer than any run should be, and short enough for sums of such times.
const century = 100 * 365 * 24 * time.Hour

// endOfTime is as long as a run can be: what takes some decades can begin then and still end
// before a Duration overflows.
const endOfTime = century / 2 * 5

// draw is how long a batch takes at a stage.
func (r *run) draw(t profile.Times, stage, rows int) time.Duration {
	return min(t.Draw(stage, rows, r.work), century)
}

// after is the time d from now, Never if d is.
func (r *run) after(d time.Duration) time.Duration { return later(r.now, d) }

func later(now, d time.Duration) time.Duration {
	if d >= Never-now {
		return Never
	}
	return now + d
}
