package control_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/control"
	"github.com/serflow/serflow-go/provisioner/policy"
)

// fixed orders what it is told to.
type fixed struct {
	orders func() []policy.Order
	asked  *int
}

func (fixed) Name() string { return "fixed" }

func (p fixed) Decide(_ time.Duration, o policy.Observation) policy.Decision {
	if p.asked != nil {
		*p.asked++
	}
	return policy.Decision{Groups: p.orders()}
}

func ordering(n *float64) fixed {
	return fixed{orders: func() []policy.Order { return []policy.Order{{VMs: *n, Why: policy.Reason{Rule: "a test"}}} }}
}

// The fleet follows the policy up and down, VMs that boot are ordered once, and each change is
// one line that says why.
func TestFollowsThePolicy(t *testing.T) {
	n := 1.0
	w := newWorld(t, 1, func() control.Config { return one(1, ordering(&n)) }, steady(10))
	w.until(3 * time.Minute)
	want(t, "as the plan says", w.ready(), 1)
	n = 3
	w.until(4 * time.Minute)
	want(t, "two boot, which were asked for once", w.asked, 2)
	w.until(6 * time.Minute)
	want(t, "three serve", w.ready(), 3)
	n = 1
	w.until(8 * time.Minute)
	want(t, "one again", w.ready(), 1)
	want(t, "that there are", len(w.vms), 1)
	want(t, "lines", strings.Join(w.lines, "; "),
		`stages 1-2: 1 -> 3 VMs of "small": a test, at 0±0 requests per second; stages 1-2: 3 -> 1 VMs of "small": a test, at 0±0 requests per second`)
}

// A VM that is lost is replaced without a decision.
func TestLostVMIsReplaced(t *testing.T) {
	n := 2.0
	w := newWorld(t, 1, func() control.Config { return one(2, ordering(&n)) }, steady(10))
	w.until(3 * time.Minute)
	id := w.fleet.VMs()[0].ID
	delete(w.vms, id)
	w.fleet.Lost(w.now, id)
	w.until(6 * time.Minute)
	want(t, "serving", w.ready(), 2)
	want(t, "launches", w.asked, 2)
	want(t, "decisions", w.scaled, 0)
}

// What is too much stays while it is paid anyway.
func TestMinimumChargeIsUsedUp(t *testing.T) {
	n := 2.0
	c := one(2, ordering(&n))
	c.Groups[0].Offers[0].Offer.Minimum = time.Hour
	w := newWorld(t, 1, func() control.Config { return c }, steady(10))
	w.until(5 * time.Minute)
	n = 1
	w.until(59 * time.Minute)
	want(t, "both serve while they are paid", w.ready(), 2)
	w.until(60 * time.Minute)
	want(t, "one was drained in time", len(w.vms), 1)
}

// Without capacity the group's next offer takes its place, as many as carry the same, and when
// there is some again new VMs are of the first. The dearer ones go first.
func TestFallsBackToTheNextOffer(t *testing.T) {
	n := 4.0
	w := newWorld(t, 1, func() control.Config {
		c := one(4, ordering(&n))
		c.Groups[0].Offers = append(c.Groups[0].Offers, offered(large, 0, 100))
		return c
	}, steady(10))
	w.out = func(now time.Duration, offer string) bool { return offer == small.Name && now < time.Hour }
	w.until(10 * time.Minute)
	count := func(offer string) (n int) {
		for _, vm := range w.vms {
			if vm.Offer.Name == offer {
				n++
			}
		}
		return n
	}
	want(t, "large ones, of which each is worth two", count(large.Name), 2)
	want(t, "it is said", w.said(`VMs of "small" cannot be had as asked for: others take their place`), 1)
	w.until(90 * time.Minute)
	n = 6
	w.until(100 * time.Minute)
	want(t, "small ones again", count(small.Name), 2)
	n = 3
	w.until(110 * time.Minute)
	want(t, "a large one goes first", [2]int{count(small.Name), count(large.Name)}, [2]int{1, 1})
}

// What is too much is of the dearest offer for what it carries, also where that is the plan's own.
func TestTheDearestGoFirst(t *testing.T) {
	n := 2.0
	w := newWorld(t, 1, func() control.Config {
		c := one(0, ordering(&n))
		c.Groups[0].Offers = []control.Offer{offered(large, 2, 100), offered(small, 0, 50)}
		return c
	}, steady(10))
	w.out = func(now time.Duration, offer string) bool { return offer == large.Name && now < time.Hour }
	w.until(90 * time.Minute)
	n = 4
	w.until(100 * time.Minute)
	n = 3
	w.until(110 * time.Minute)
	left := map[string]int{}
	for _, vm := range w.vms {
		left[vm.Offer.Name]++
	}
	want(t, "small ones, in place of the first two, and one of the next two", left, map[string]int{"large": 1, "small": 4})
}

// Without any capacity functions serve; the fleet asks on, after pauses that double, and takes
// what comes back.
func TestNoCapacityAtAll(t *testing.T) {
	n := 2.0
	w := newWorld(t, 1, func() control.Config { return one(2, ordering(&n)) }, steady(10))
	w.out = func(now time.Duration, _ string) bool { return now < time.Hour }
	w.until(time.Hour)
	if w.asked < 8 || w.asked > 25 {
		t.Errorf("asked %d times in an hour", w.asked)
	}
	if w.said("functions take the rest, and they are asked for again") == 0 {
		t.Errorf("not said: %q", w.lines)
	}
	w.until(70 * time.Minute)
	want(t, "serving", w.ready(), 2)
	if w.said("all is well again") == 0 || len(w.loop.Troubles()) > 0 {
		t.Errorf("not said: %q, troubles %q", w.lines, w.loop.Troubles())
	}
}

// At a limit less is rented than wanted, and that is said once.
func TestLimits(t *testing.T) {
	n := 9.0
	c := one(2, ordering(&n))
	c.Groups = append(c.Groups, control.Group{Offers: []control.Offer{offered(large, 1, 100)}})
	c.Groups[1].Offers[0].Stages.First, c.Groups[0].Offers[0].Stages.Last = 1, 0
	c.Groups[1].Offers[0].PerRequest = 0
	c.Limits = provisioner.Limits{VMs: 10, PerHour: 1, PerDay: 200}
	c.Policy = fixed{orders: func() []policy.Order { return []policy.Order{{VMs: n}, {VMs: 4}} }}
	w := newWorld(t, 1, func() control.Config { return c }, steady(10))
	w.overflow = func(vms int, perHour float64) {
		if vms > 10 || perHour > 1+1e-9 {
			t.Fatalf("%d VMs for %v an hour", vms, perHour)
		}
	}
	w.until(20 * time.Minute)
	want(t, "said", w.said("the limits leave no room for"), 2)
	want(t, "and for the group without functions", w.said("shed, for no function serves these stages"), 1)
}

// When the day's money is spent all VMs are drained, and come back the day after.
func TestDayIsSpent(t *testing.T) {
	n := 10.0
	c := one(10, ordering(&n))
	c.Limits.PerDay = 5
	w := newWorld(t, 1, func() control.Config { return c }, steady(10))
	w.until(6 * time.Hour)
	want(t, "VMs", len(w.vms), 0)
	want(t, "said", w.said("the limit of $5 a day is reached"), 1)
	if day, _ := w.fleet.Spent(); day > 5.2 {
		t.Errorf("spent %v", day)
	}
	w.until(25*time.Hour + 30*time.Minute)
	if w.ready() == 0 {
		t.Error("they have not come back")
	}
}

// Decisions that cannot be meant are refused, and the fleet keeps what it has.
func TestNonsense(t *testing.T) {
	var nonsense func() []policy.Order
	for name, orders := range map[string]func() []policy.Order{
		"negative":  func() []policy.Order { return []policy.Order{{VMs: -1}} },
		"NaN":       func() []policy.Order { return []policy.Order{{VMs: math.NaN()}} },
		"a million": func() []policy.Order { return []policy.Order{{VMs: 1e6}} },
		"a half":    func() []policy.Order { return []policy.Order{{VMs: 1.5}} },
		"none":      func() []policy.Order { return nil },
		"a panic":   func() []policy.Order { panic("no") },
	} {
		two := func() []policy.Order { return []policy.Order{{VMs: 2}} }
		nonsense = two
		w := newWorld(t, 1, func() control.Config { return one(1, fixed{orders: func() []policy.Order { return nonsense() }}) }, steady(10))
		w.until(3 * time.Minute)
		nonsense = orders
		w.until(20 * time.Minute)
		want(t, name+": serving", w.ready(), 2)
		want(t, name+": said once", w.said("policy fixed"), 1)
		want(t, name+": launches", w.asked, 2)
		nonsense = two
		w.until(21 * time.Minute)
		want(t, name+": well again", len(w.loop.Troubles()), 0)
	}
}

// When counts stop, nothing is decided.
func TestCountsStop(t *testing.T) {
	asked := 0
	p := fixed{orders: func() []policy.Order { return []policy.Order{{VMs: 2}} }, asked: &asked}
	w := newWorld(t, 1, func() control.Config { return one(1, p) }, steady(10))
	w.until(3 * time.Minute)
	w.faults.quiet = 1
	before := asked
	w.until(30 * time.Minute)
	want(t, "asked", asked, before)
	want(t, "serving", w.ready(), 2)
	want(t, "said", w.said("no counts have come for a minute"), 1)
}

// A program that has not been sent a request yet keeps what was planned for them, and the seconds
// before the first say nothing of the traffic; but for ten minutes only.
func TestBeforeTheFirstRequest(t *testing.T) {
	for name, c := range map[string]struct{ first, until time.Duration }{
		"none yet":          {time.Hour, 9 * time.Minute},
		"a few seconds ago": {9 * time.Minute, 9*time.Minute + 30*time.Second},
	} {
		w := newWorld(t, 1, func() control.Config { return one(3, nil) }, func(now time.Duration) float64 {
			if now < c.first {
				return 0
			}
			return 1000
		})
		w.until(c.until)
		want(t, name+": serving", w.ready() >= 3, true)
		want(t, name+": ended", w.said("-> 0"), 0)
	}
	w := newWorld(t, 1, func() control.Config { return one(3, nil) }, steady(0))
	w.until(15 * time.Minute)
	want(t, "none at all: serving", w.ready(), 0)
}

// Pins hold whatever the policy would like.
func TestPins(t *testing.T) {
	for _, c := range []struct{ least, most, want int }{{2, 2, 2}, {0, 3, 3}, {7, 0, 7}} {
		w := newWorld(t, 1, func() control.Config {
			config := one(1, &policy.CostOptimal{})
			config.Groups[0].Min, config.Groups[0].Max = c.least, c.most
			return config
		}, steady(240)) // which is worth five
		w.until(20 * time.Minute)
		want(t, "serving", w.ready(), c.want)
	}
}

// A program that starts again keeps the scale and the policy's memory, and what it finds is its
// own. Without its state it keeps what is there until it knows better.
func TestRestart(t *testing.T) {
	for name, forget := range map[string]float64{"with its state": 0, "without": 1} {
		w := newWorld(t, 1, func() control.Config { return one(1, &policy.CostOptimal{}) }, steady(240))
		w.until(30 * time.Minute)
		had := w.ready()
		launched := w.asked
		w.faults.forget = forget
		w.start()
		for range 600 {
			w.until(w.now + time.Second)
			if len(w.vms) < had-1 {
				t.Fatalf("%s: %d VMs after %v, had %d", name, len(w.vms), w.now, had)
			}
		}
		if now := w.ready(); now < had-1 || now > had+1 || w.asked > launched+1 {
			t.Errorf("%s: %d serve, had %d; %d launches, had %d", name, now, had, w.asked, launched)
		}
		want(t, name+": adopted", w.said("adopted: "), 1)
	}
}

// State that cannot be read is an error, and changes nothing.
func TestBadState(t *testing.T) {
	l, err := control.New(one(3, nil))
	if err != nil {
		t.Fatal(err)
	}
	before, _ := json.Marshal(l)
	for _, data := range []string{
		`{`, `{"version":2}`, `{"version":1,"policy":"CostOptimal","memory":{"0":{"forecast":{"near":{"rates":[-1]}}}}}`,
		`{"version":1,"policy":"CostOptimal","memory":{"0":{"load":{"by":-1}}}}`, `{"version":1,"policy":"CostOptimal","memory":{"0":{"load":{"by":4}}}}`, `{"version":1,"policy":"CostOptimal","memory":{"0":{"load":{"called":-1}}}}`,
		`{"version":1,"groups":[{"first":0,"last":1,"offer":"small","vms":-1}]}`,
	} {
		if err := l.UnmarshalJSON([]byte(data)); !errors.Is(err, control.ErrState) {
			t.Errorf("%s: %v", data, err)
		}
	}
	if after, _ := json.Marshal(l); string(after) != string(before) {
		t.Errorf("%s became %s", before, after)
	}
	if err := l.UnmarshalJSON([]byte(`{"version":1,"policy":"another","memory":[7],"groups":[{"first":0,"last":1,"offer":"small","vms":9}]}`)); err != nil {
		t.Errorf("another policy's memory: %v", err)
	}
}

// A loop that cannot be is refused.
func TestBadConfig(t *testing.T) {
	for name, change := range map[string]func(*control.Config){
		"no offer":        func(c *control.Config) { c.Groups[0].Offers = nil },
		"negative":        func(c *control.Config) { c.Every = -1 },
		"pins":            func(c *control.Config) { c.Groups[0].Min, c.Groups[0].Max = 3, 2 },
		"twice":           func(c *control.Config) { c.Groups = append(c.Groups, c.Groups[0]) },
		"carries nothing": func(c *control.Config) { c.Groups[0].Offers[0].Saturation = 0 },
		"other stages": func(c *control.Config) {
			o := offered(large, 0, 100)
			o.Stages.Last = 0
			c.Groups[0].Offers = append(c.Groups[0].Offers, o)
		},
		"a boot before the launch": func(c *control.Config) { c.Groups[0].Offers[0].Boot = -1 },
		"a call for no number":     func(c *control.Config) { c.Groups[0].Offers[0].PerRequest = math.NaN() },
		"no price":                 func(c *control.Config) { c.Groups[0].Offers[0].Offer.PerHour = 0 },
	} {
		c := one(1, nil)
		change(&c)
		if _, err := control.New(c); !errors.Is(err, control.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
