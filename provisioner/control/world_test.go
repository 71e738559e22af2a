package control_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/control"
	"github.com/serflow/serflow-go/provisioner/estimate"
	"github.com/serflow/serflow-go/provisioner/policy"
	"github.com/serflow/serflow-go/stage"
)

var (
	all   = stage.Range{Last: 1}
	small = provisioner.VMOffer{Name: "small", PerHour: 0.10, Minimum: time.Minute}
	large = provisioner.VMOffer{Name: "large", PerHour: 0.22, Minimum: time.Minute}
	ample = provisioner.Limits{VMs: 40, PerHour: 8, PerDay: 200}
)

// economics is a VM of 50 requests per second, which pays from 9 of them.
func economics(o provisioner.VMOffer, saturation float64) policy.Economics {
	return policy.Economics{
		PerSecond: o.PerHour / 3600, PerRequest: 3e-6, Saturation: saturation, Boot: 90 * time.Second,
		Carried: policy.Erlang{Slots: 4, Rate: saturation / 4},
	}
}

func offered(o provisioner.VMOffer, vms int, saturation float64) control.Offer {
	return control.Offer{VMGroup: provisioner.VMGroup{Stages: all, Offer: o, VMs: vms}, Economics: economics(o, saturation)}
}

// one is a loop over one group of small VMs.
func one(vms int, p policy.Policy) control.Config {
	return control.Config{Policy: p, Limits: ample, Groups: []control.Group{{Offers: []control.Offer{offered(small, vms, 50)}}}}
}

// faults is what goes wrong: probabilities of one call, or rates an hour and VM.
type faults struct {
	silent, refused, half, slow float64 // launches
	few                         bool    // half of the VMs, rounded up, are granted
	lostList                    float64
	unregistered, crash, notice float64
	dieBooting                  float64
	dieDraining                 float64
	quiet                       float64 // of a tick without counts
	jump                        float64 // of a tick: time jumps an hour
	kill                        float64 // of a tick: the program is killed, and starts again
	forget                      float64 // that it then finds no state
}

// machine is a VM in the world.
type machine struct {
	provisioner.Found
	launched, ready, unowned time.Duration
}

// world is a cloud, traffic and a program that runs the loop, under virtual time.
type world struct {
	t        testing.TB
	r        *rand.Rand
	faults   faults
	config   func() control.Config
	rate     func(time.Duration) float64
	patience provisioner.Patience

	now     time.Duration
	wall    time.Duration // ahead of now
	run     int           // of the program
	name    string
	fleet   *provisioner.Fleet
	loop    *control.Loop
	saved   []byte
	savedAt time.Duration
	counts  estimate.Counts
	out     func(now time.Duration, offer string) bool // of capacity

	vms      map[string]*machine
	granted  map[string][]string
	next     int
	events   []event
	lines    []string
	scaled   int // decisions
	asked    int // launches
	deadMan  int // VMs that have ended themselves
	most     int
	overflow func(vms int, perHour float64) // checks limits; nil for none
}

type event struct {
	at  time.Duration
	run int // of the program that is told; 0 for the world
	do  func()
}

func newWorld(t testing.TB, seed uint64, config func() control.Config, rate func(time.Duration) float64) *world {
	w := &world{
		t: t, r: rand.New(rand.NewPCG(seed, 1)), config: config, rate: rate, name: "p",
		vms: map[string]*machine{}, granted: map[string][]string{},
	}
	w.start()
	return w
}

// start is a new run of the program.
func (w *world) start() {
	w.run++
	c := w.config()
	l, err := control.New(c)
	if err != nil {
		w.t.Fatal(err)
	}
	if w.saved != nil && !w.chance(w.faults.forget) {
		if err := json.Unmarshal(w.saved, l); err != nil {
			w.t.Fatal(err)
		}
	}
	w.loop, w.fleet = l, provisioner.NewFleet(fmt.Sprintf("%s%d", w.name, w.run), c.Limits, w.patience)
}

func (w *world) chance(p float64) bool { return p > 0 && w.r.Float64() < p }

func (w *world) after(d time.Duration, told bool, do func()) {
	e := event{at: w.now + d, do: do}
	if told {
		e.run = w.run
	}
	w.events = append(w.events, e)
}

// until runs the world up to a time, in steps of a second with events in between.
func (w *world) until(end time.Duration) {
	for w.now < end {
		w.now += time.Second
		w.count()
		w.happen()
		w.step()
		if w.now%(10*time.Second) == 0 {
			w.mishaps()
		}
	}
}

func (w *world) happen() {
	if len(w.events) == 0 {
		return
	}
	slices.SortStableFunc(w.events, func(a, b event) int { return cmp.Compare(a.at, b.at) })
	for len(w.events) > 0 && w.events[0].at <= w.now {
		e := w.events[0]
		w.events = w.events[1:]
		if e.run == 0 || e.run == w.run {
			e.do()
		}
	}
}

func (w *world) count() {
	second := int64((w.now + w.wall) / time.Second)
	if n := w.counts.First + int64(len(w.counts.Each)); n != second-1 {
		w.counts = estimate.Counts{First: second - 1}
	}
	w.counts.Each = append(w.counts.Each, poisson(w.r, w.rate(w.now)))
}

func poisson(r *rand.Rand, mean float64) int {
	if mean > 50 {
		return int(max(math.Round(mean+math.Sqrt(mean)*r.NormFloat64()), 0))
	}
	n, p, least := 0, r.Float64(), math.Exp(-mean)
	for ; p > least; n++ {
		p *= r.Float64()
	}
	return n
}

// step is what a driver does.
func (w *world) step() {
	if w.loop.Due(w.now, w.fleet) {
		s := control.Seen{Wall: w.now + w.wall}
		if !w.chance(w.faults.quiet) {
			s.Counts = []estimate.Counts{w.counts, w.counts}
		}
		w.counts = estimate.Counts{First: w.counts.First + int64(len(w.counts.Each))}
		for _, line := range w.loop.Tick(w.now, w.fleet, s) {
			w.lines = append(w.lines, line.String())
			if line.Scale && line.From != line.To {
				w.scaled++
			}
		}
		w.save()
	}
	actions, _ := w.fleet.Tick(w.now)
	for _, a := range actions {
		w.act(a)
	}
	w.check()
}

// save keeps the loop's state, once a minute.
func (w *world) save() {
	if w.now/time.Minute == w.savedAt/time.Minute {
		return
	}
	data, err := json.Marshal(w.loop)
	if err != nil {
		w.t.Fatal(err)
	}
	w.saved, w.savedAt = data, w.now
}

func (w *world) act(a provisioner.Action) {
	switch a.Kind {
	case provisioner.Launch:
		w.launch(a)
	case provisioner.Drain:
		if w.chance(w.faults.dieDraining) {
			delete(w.vms, a.ID)
			return
		}
		w.after(2*time.Second, true, func() { w.fleet.Idle(w.now, a.ID) })
	case provisioner.End:
		w.after(time.Second, false, func() { delete(w.vms, a.ID) })
		w.after(time.Second, true, func() { w.fleet.Ended(w.now, a.ID) })
	case provisioner.List:
		if w.chance(w.faults.lostList) {
			return
		}
		w.after(time.Second, true, func() { w.fleet.Found(w.now, w.list()...) })
	}
}

func (w *world) list() (found []provisioner.Found) {
	for _, vm := range w.vms {
		found = append(found, vm.Found)
	}
	slices.SortFunc(found, func(a, b provisioner.Found) int { return strings.Compare(a.ID, b.ID) })
	return found
}

// launch happens in the cloud whether or not the program lives to hear of it.
func (w *world) launch(a provisioner.Action) {
	w.asked++
	answer := time.Second
	if w.chance(w.faults.slow) {
		answer = time.Duration(w.r.IntN(200)) * time.Second
	}
	ids, again := w.granted[a.Token]
	if !again {
		if w.chance(w.faults.refused) || w.out != nil && w.out(w.now, a.Key.Offer) {
			w.after(answer, true, func() { w.fleet.LaunchFailed(w.now, a.Token) })
			return
		}
		n := a.VMs
		if w.chance(w.faults.half) {
			n = w.r.IntN(n + 1)
		}
		if w.faults.few {
			n = (n + 1) / 2
		}
		for range n {
			ids = append(ids, w.machine(a))
		}
		w.granted[a.Token] = ids
	}
	if !w.chance(w.faults.silent) {
		w.after(answer, true, func() { w.fleet.Launched(w.now, a.Token, ids...) })
	}
}

func (w *world) machine(a provisioner.Action) string {
	w.next++
	id := fmt.Sprintf("vm%05d", w.next)
	offer := small
	if a.Key.Offer == large.Name {
		offer = large
	}
	vm := &machine{Found: provisioner.Found{ID: id, Token: a.Token, Stages: a.Key.Stages, Offer: offer}, launched: w.now, ready: provisioner.Never, unowned: w.now}
	w.vms[id] = vm
	if w.chance(w.faults.unregistered) {
		return id
	}
	if w.chance(w.faults.dieBooting) {
		w.after(30*time.Second, false, func() { delete(w.vms, id) })
		w.after(36*time.Second, true, func() { w.fleet.Lost(w.now, id) })
		return id
	}
	w.after(90*time.Second, false, func() { vm.ready = w.now })
	w.after(90*time.Second, false, func() { w.register(id) })
	return id
}

// register tells whoever runs now of a VM that answers.
func (w *world) register(id string) {
	if vm := w.vms[id]; vm != nil {
		if _, known := w.fleet.VM(id); known || strings.HasPrefix(vm.Token, fmt.Sprintf("%s%d-", w.name, w.run)) {
			w.fleet.Ready(w.now, id, vm.Token)
		}
	}
}

// mishaps are those of VMs and of the program.
func (w *world) mishaps() {
	const perHour = 360
	for _, x := range w.list() {
		switch {
		case w.chance(w.faults.crash / perHour):
			delete(w.vms, x.ID)
			w.after(6*time.Second, true, func() { w.fleet.Lost(w.now, x.ID) })
		case w.chance(w.faults.notice / perHour):
			w.fleet.Notice(w.now, x.ID)
			w.after(2*time.Minute, false, func() { delete(w.vms, x.ID) })
			w.after(2*time.Minute, true, func() { w.fleet.Lost(w.now, x.ID) })
		}
		if vm := w.vms[x.ID]; vm != nil && vm.ready <= w.now {
			w.register(x.ID) // heartbeats: a program that has started again finds it well
		}
	}
	if w.chance(w.faults.jump) {
		w.now += time.Hour
		for _, vm := range w.vms {
			vm.unowned += time.Hour // what a VM waits for its owner is by its own clock
		}
	}
	if w.chance(w.faults.kill) {
		w.start()
	}
}

// check holds the world to the limits, and has VMs end themselves that nobody owns for half an hour.
func (w *world) check() {
	vms, perHour := 0, 0.0
	for id, vm := range w.vms {
		_, known := w.fleet.VM(id)
		ours := strings.HasPrefix(vm.Token, fmt.Sprintf("%s%d-", w.name, w.run))
		if known {
			vm.unowned = w.now
		}
		if w.now-vm.unowned > 30*time.Minute {
			w.deadMan++
			delete(w.vms, id)
		}
		if known || ours { // else it is what a program that was killed had under way
			vms++
			perHour += vm.Offer.PerHour
		}
	}
	w.most = max(w.most, vms)
	if w.overflow != nil {
		w.overflow(vms, perHour)
	}
}

// ready is how many VMs serve, as the fleet knows.
func (w *world) ready() (n int) {
	for _, vm := range w.fleet.VMs() {
		if vm.State == provisioner.Ready {
			n++
		}
	}
	return n
}

// said tells whether some line contains a text, and how often.
func (w *world) said(text string) (n int) {
	for _, line := range w.lines {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

func steady(rate float64) func(time.Duration) float64 {
	return func(time.Duration) float64 { return rate }
}

func want(t testing.TB, what string, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// seconds is counts of some seconds.
func seconds(first int64, n int, count func() int) []estimate.Counts {
	c := estimate.Counts{First: first}
	for range n {
		c.Each = append(c.Each, count())
	}
	return []estimate.Counts{c}
}
