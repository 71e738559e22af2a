package balancer_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/serflow/serflow-go/balancer"
)

// What would wait and be late is shed at once; what may wait depends on how soon it has to go.
func TestShed(t *testing.T) {
	m := vm(1, 0, 0, 1, 10*ms) // two in hand: the next one waits for 20 ms, or half of that, and may take but 8
	m.Soonest = []time.Duration{8 * ms}
	guess := m
	guess.Supposed = true
	fn := function(2, 0, 0, 0, 40*ms)
	fn.Soonest = []time.Duration{30 * ms}
	for name, c := range map[string]struct {
		members []balancer.Member
		hand    int
		ask     balancer.Ask
		want    string
	}{
		"in time":                            {[]balancer.Member{m}, 2, balancer.Ask{Remaining: 18 * ms}, "1"},
		"late":                               {[]balancer.Member{m}, 2, balancer.Ask{Remaining: 17 * ms}, "shed"},
		"no deadline":                        {[]balancer.Member{m}, 2, balancer.Ask{Remaining: balancer.Never}, "1"},
		"sheddable, twice its wait":          {[]balancer.Member{m}, 2, balancer.Ask{Remaining: 48 * ms, Priority: balancer.Sheddable}, "1"},
		"sheddable, more than that":          {[]balancer.Member{m}, 2, balancer.Ask{Remaining: 47 * ms, Priority: balancer.Sheddable}, "shed"},
		"critical":                           {[]balancer.Member{m}, 2, balancer.Ask{Remaining: 9 * ms, Priority: balancer.Critical}, "1"},
		"critical, out of reach":             {[]balancer.Member{m}, 2, balancer.Ask{Remaining: 7 * ms, Priority: balancer.Critical}, "shed"},
		"late, but times are a guess":        {[]balancer.Member{guess}, 2, balancer.Ask{Remaining: 17 * ms}, "1"},
		"late at an idle VM, but not surely": {[]balancer.Member{m}, 0, balancer.Ask{Remaining: 9 * ms}, "1"},
		"late at an idle VM, surely":         {[]balancer.Member{m}, 0, balancer.Ask{Remaining: 7 * ms}, "shed"},
		"late, but a function may be in time": {
			[]balancer.Member{m, fn}, 2, balancer.Ask{Remaining: 17 * ms}, "shed"},
		"the function may": {[]balancer.Member{m, fn}, 4, balancer.Ask{Remaining: 35 * ms}, "2"},
		"asked not to":     {[]balancer.Member{m}, 2, balancer.Ask{Remaining: 17 * ms, Without: balancer.Shedding}, "1"},
	} {
		b := with(t, 1, c.members[0])
		for range c.hand {
			toVM1(b)
		}
		for _, f := range c.members[1:] {
			if err := b.Join(f, 1); err != nil {
				t.Fatal(err)
			}
		}
		c.ask.Generation = 1
		p, err := b.Pick(c.ask)
		got := "shed"
		if err == nil {
			got = fmt.Sprint(p.ID())
		} else if !errors.Is(err, balancer.ErrShed) {
			t.Errorf("%s: %v", name, err)
		}
		want(t, name, got, c.want)
	}
}

// A guess is corrected by replies, and then counts.
func TestShedOnceTimesAreKnown(t *testing.T) {
	m := vm(1, 0, 0, 1, time.Hour)
	m.Supposed = true
	b := with(t, 1, m)
	for range 300 {
		p := toVM1(b)
		b.Done(p, balancer.Report{Service: 10 * ms, Took: 10 * ms})
	}
	for range 2 {
		toVM1(b)
	}
	_, err := b.Pick(balancer.Ask{Generation: 1, Remaining: 9 * ms})
	want(t, "late", err, balancer.ErrShed)
	id, _ := pick(b, balancer.Ask{Generation: 1, Remaining: 12 * ms})
	want(t, "in time", id, 1)
}

// A group does not flood the one behind it: what would be late there is not even begun, as
// far as it gets there.
func TestDownstream(t *testing.T) {
	front, behind := vm(1, 0, 0, 2, ms), vm(2, 1, 1, 1, 10*ms)
	for name, c := range map[string]struct {
		passed int // of 10
		hand   int // behind
		out    balancer.Mechanism
		want   error
	}{
		"all go on, and would be late": {10, 10, 0, balancer.ErrShed},
		"all go on, in time":           {10, 2, 0, nil},
		"one in ten goes on":           {1, 10, 0, nil},
		"not looked at":                {10, 10, balancer.Downstream, nil},
	} {
		b := with(t, 1, front, behind)
		for i := range 600 {
			p, err := b.Pick(balancer.Ask{Generation: 1, Remaining: balancer.Never})
			if err != nil {
				t.Fatal(err)
			}
			b.Done(p, balancer.Report{Service: ms, Took: ms, Passed: i%10 < c.passed})
		}
		for range c.hand {
			if _, err := b.Pick(balancer.Ask{Stage: 1, Generation: 1, Remaining: balancer.Never}); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 { // the front is busy
			toVM1(b)
		}
		_, err := b.Pick(balancer.Ask{Generation: 1, Now: time.Second, Remaining: 50 * ms, Without: c.out})
		want(t, name, err, c.want)
	}
}

// Requests that are late behind others teach that these are not given up, and answers that some are
// again; but not where the work is in a later stage, nor if nothing was ahead of them.
func TestDoubt(t *testing.T) {
	even, late := []time.Duration{10 * ms, 10 * ms}, []time.Duration{10 * ms, 20 * ms}
	for name, c := range map[string]struct {
		service []time.Duration
		ahead   int
		shed    bool
	}{
		"as much work early as late": {even, 1, true},
		"most of it late":            {late, 1, false},
		"nothing ahead":              {even, 0, false},
	} {
		m := vm(1, 0, 1, 1, 10*ms)
		m.Service = c.service
		b := with(t, 0, m)
		begin := func(n int) (all []*balancer.Request, last balancer.Step) {
			for range n {
				r := balancer.NewRequest(b, 0, balancer.Rules{Stages: 2}, 25*ms)
				last = r.Start(0, 0)
				all = append(all, &r)
			}
			return all, last
		}
		giveUp := func(all []*balancer.Request) {
			for _, r := range all {
				r.GiveUp(nil)
			}
		}
		shed := func() bool { // a third, of which only half of the 20 ms ahead counts at first
			all, last := begin(3)
			giveUp(all)
			return errors.Is(last.Err, balancer.ErrShed)
		}
		want(t, name+", at first", shed(), false)
		for range 100 {
			all, _ := begin(c.ahead + 1)
			all[c.ahead].Tick(25*ms, 0)
			giveUp(all)
		}
		want(t, name+", many were late", shed(), c.shed)
		for range 2000 { // with nothing ahead, as all others may be shed
			all, last := begin(1)
			all[0].Reply(10*ms, last.Attempt, balancer.Reply{Outcome: balancer.Exited, Stage: 0}, 0)
		}
		want(t, name+", many were not", shed(), false)
	}
}
