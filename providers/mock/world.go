package mock

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/simulate"
)

// World is a cloud as plain state: it is told the time, and says what becomes of what
// is asked of it. It implements simulate.World. The zero value is a perfect cloud,
// ready for use. It is not safe for concurrent use.
type World struct {
	config  Config
	rand    *rand.Rand
	pools   []pool // by function
	running int    // calls, of all functions
}

var _ simulate.World = (*World)(nil)

// NewWorld returns a cloud that behaves as described, and draws from r. Its error wraps
// ErrConfig.
func NewWorld(c Config, r *rand.Rand) (*World, error) {
	if r == nil {
		return nil, fmt.Errorf("%w: no source of randomness: give it a *rand.Rand", ErrConfig)
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c.Notice = cmp.Or(c.Notice, 2*time.Minute)
	c.Outages = slices.Clone(c.Outages)
	return &World{config: c, rand: r}, nil
}

// Launch says what becomes of a request, made now, for n VMs of an offer. A refusal
// wraps providers.ErrInsufficientCapacity.
func (w *World) Launch(now time.Duration, o provisioner.VMOffer, n int) simulate.Launch {
	l := simulate.Launch{Answer: w.config.Answer.draw(w.rand)}
	if w.chance(w.config.LostAnswers) {
		l.Answer = provisioner.Never
	}
	if w.config.out(now) || w.chance(w.config.Insufficient) {
		l.Err = fmt.Errorf("%w: %d VMs of %q", providers.ErrInsufficientCapacity, n, o.Name)
		return l
	}
	if n > 1 && w.chance(w.config.HalfGranted) {
		n = 1 + w.rand.IntN(n-1)
	}
	for range n {
		l.VMs = append(l.VMs, w.life(o))
	}
	return l
}

// life draws what becomes of one VM.
func (w *World) life(o provisioner.VMOffer) simulate.Life {
	l := simulate.Life{Boot: w.config.Boot.draw(w.rand), Notice: provisioner.Never, Lost: first(w.config.Crashes, w.rand)}
	if w.chance(w.config.Unregistered) {
		l.Boot = provisioner.Never
	}
	if o.Market != provisioner.Spot {
		return l
	}
	if notice := first(w.config.Interruptions, w.rand); notice < l.Lost {
		l.Notice = notice
		l.Lost = min(l.Lost, notice+w.config.Notice)
	}
	return l
}

func (w *World) chance(p float64) bool { return p > 0 && w.rand.Float64() < p }

// Call begins a call of a function, named by its place in the plan. Cold is how long an
// instance of it takes to initialise, 0 if one was warm. Ok is false if as many calls
// are running as the account allows, by the config or by the offer.
func (w *World) Call(now time.Duration, function int, o provisioner.FunctionOffer) (cold time.Duration, ok bool) {
	p := w.pool(function)
	if full(w.running, w.config.Concurrency) || full(w.running, o.Concurrency) {
		p.Throttled++
		return 0, false
	}
	w.running++
	if p.take(now, w.config.KeepAlive) {
		return 0, true
	}
	return w.config.Cold.draw(w.rand), true
}

func full(running, limit int) bool { return limit > 0 && running >= limit }

// Return ends a call that was not refused. Its instance is idle from now on.
func (w *World) Return(now time.Duration, function int) {
	w.running--
	w.pool(function).put(now)
}

// Calls is what has become of the calls of a function.
func (w *World) Calls(function int) Calls { return w.pool(function).Calls }

func (w *World) pool(function int) *pool {
	for function >= len(w.pools) {
		w.pools = append(w.pools, pool{idle: make([]time.Duration, w.config.Warm)}) // since the start
	}
	return &w.pools[function]
}
