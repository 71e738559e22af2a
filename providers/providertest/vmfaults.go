package providertest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/serflow/serflow-go/providers"
)

// answerTime is how long the suite waits for an answer that may be lost.
const answerTime = 20 * time.Second

// launchesThatFail asks, while something is wrong and then again: never are there more VMs
// than were asked for, and none that are not listed.
func launchesThatFail(ctx context.Context, t *testing.T, c Cloud) {
	begun := 0
	for _, f := range []Fault{NoCapacity, OverQuota, Throttled, Denied, Unavailable, AnswerLost} {
		mend, ok := c.inject(t, Launch, f)
		if !ok {
			continue
		}
		l := c.launchOf(ctx, t, string(f), 2)
		impatient, cancel := context.WithTimeout(ctx, answerTime)
		vms, err := c.VMs.Launch(impatient, l)
		cancel()
		if len(vms) > 0 {
			t.Errorf("%s: %v came with %v", f, idsOf(vms), err)
		}
		if want, certain := refusals[f]; certain {
			c.isError(t, string(f), c.VMs.Name(), err, want)
			if !providers.Refused(err) {
				t.Errorf("%s: %v: it does not say that nothing was done", f, err)
			}
			c.launched(t, string(f), begun)
			mend()
			l.Token += ", and mended"
		} else {
			c.uncertain(t, string(f), c.VMs.Name(), err)
			mend()
		}
		got := sorted(idsOf(c.granted(ctx, t, l)))
		begun += 2
		c.launched(t, string(f)+", and asked again", begun)
		eventually(ctx, t, "they are listed", func() bool {
			return slices.Equal(sorted(idsOf(c.listed(ctx, t, owner))), got)
		})
		c.clear(ctx, t)
	}
}

// What has been refused for want of capacity stays refused, so that a late answer to the first
// ask is true when it comes.
func launchesGrantedInPart(ctx context.Context, t *testing.T, c Cloud) {
	begun := 0
	if mend, ok := c.inject(t, Launch, PartGranted); ok {
		l := c.launchOf(ctx, t, "part", 3)
		some, err := c.VMs.Launch(ctx, l)
		if err != nil || len(some) == 0 || len(some) >= 3 {
			t.Fatalf("%v, %v: want some of three VMs", idsOf(some), err)
		}
		mend()
		again, err := c.VMs.Launch(ctx, l)
		if err != nil || !slices.Equal(sorted(idsOf(again)), sorted(idsOf(some))) {
			t.Errorf("asked again: %v, %v; want %v", idsOf(again), err, idsOf(some))
		}
		c.count(ctx, t, "granted in part", len(some))
		begun = len(some)
		c.clear(ctx, t)
	}
	if mend, ok := c.inject(t, Launch, NoCapacity); ok {
		l := c.launchOf(ctx, t, "none", 1)
		_, err := c.VMs.Launch(ctx, l)
		c.isError(t, "no capacity", c.VMs.Name(), err, providers.ErrInsufficientCapacity)
		mend()
		_, err = c.VMs.Launch(ctx, l)
		c.isError(t, "asked again with the same token", c.VMs.Name(), err, providers.ErrInsufficientCapacity)
		c.count(ctx, t, "refused twice", 0)
		c.launched(t, "refused twice", begun)
	}
}

// vmCallsThatFail has lists and ends fail, and then work.
func vmCallsThatFail(ctx context.Context, t *testing.T, c Cloud) {
	for _, f := range []Fault{Throttled, Denied, Unavailable, AnswerLost} {
		vms := c.granted(ctx, t, c.launchOf(ctx, t, string(f), 1))
		eventually(ctx, t, "the cloud knows what it has launched", func() bool { return len(c.listed(ctx, t, owner)) == 1 })
		c.count(ctx, t, "launched", 1)
		for op, do := range map[Op]func(context.Context) error{
			ListVMs: func(ctx context.Context) error { _, err := c.VMs.List(ctx, owner); return err },
			End:     func(ctx context.Context) error { return c.VMs.End(ctx, vms[0].ID) },
		} {
			mend, ok := c.inject(t, op, f)
			if !ok {
				continue
			}
			c.fails(ctx, t, op, f, c.VMs.Name(), do)
			if op == End {
				c.endedBy(ctx, t, f, vms[0].ID)
			}
			mend()
			eventually(ctx, t, string(op)+" is mended", func() bool { return do(ctx) == nil })
		}
		c.clear(ctx, t)
	}
}

// endedBy checks that a VM is gone if the call to end it was done, though nobody heard of it, and
// else that it is there. A cloud may not know at first what it is to end: then it is asked again,
// and still nobody hears.
func (c Cloud) endedBy(ctx context.Context, t *testing.T, f Fault, id string) {
	t.Helper()
	if f == AnswerLost {
		eventually(ctx, t, id+" is ended, though the answer is lost", func() bool {
			gone := len(c.listed(ctx, t, owner)) == 0
			if !gone {
				impatient, cancel := context.WithTimeout(ctx, answerTime)
				defer cancel()
				c.uncertain(t, "asked again", c.VMs.Name(), c.VMs.End(impatient, id))
			}
			return gone
		})
		c.count(ctx, t, "ended, though the answer is lost", 0)
		return
	}
	if c.Running != nil && !slices.Contains(c.Running(), id) {
		t.Errorf("%s at %q: %s has ended all the same", f, End, id)
	}
	eventually(ctx, t, fmt.Sprintf("%s is listed, which was not ended: %s", id, f), func() bool {
		return slices.Contains(idsOf(c.listed(ctx, t, owner)), id)
	})
}

// fails does an operation in which there is a fault.
func (c Cloud) fails(ctx context.Context, t *testing.T, op Op, f Fault, provider string, do func(context.Context) error) {
	t.Helper()
	impatient, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	err := do(impatient)
	if want, certain := refusals[f]; certain {
		c.isError(t, string(op)+", "+string(f), provider, err, want)
		return
	}
	c.uncertain(t, string(op)+", "+string(f), provider, err)
}

// billOfVMs ends a VM and holds its bill to what its offer says of its life.
func billOfVMs(ctx context.Context, t *testing.T, c Cloud) {
	l := c.launchOf(ctx, t, "a", 2)
	before := time.Now()
	vms := c.granted(ctx, t, l)
	after := time.Now()
	eventually(ctx, t, "they live for a while", func() bool { return time.Since(after) > 1500*time.Millisecond })
	least := time.Since(after)
	c.end(ctx, t, idsOf(vms)...)
	eventually(ctx, t, "they have ended", func() bool { return len(c.listed(ctx, t, owner)) == 0 })
	// A cloud's own clock may round to whole seconds.
	dollars, _ := c.Spent()
	low, high := 0.0, 0.0
	for _, vm := range vms {
		low += vm.Offer.Cost(max(0, least-time.Second))
		high += vm.Offer.Cost(time.Since(before) + 2*time.Second)
	}
	if dollars < low*(1-1e-9) || dollars > high*(1+1e-9) {
		t.Errorf("%v dollars, and the offer says %v to %v", dollars, low, high)
	}
	eventually(ctx, t, "time goes on", func() bool { return time.Since(after) > least+time.Second })
	if later, _ := c.Spent(); later != dollars {
		t.Errorf("%v dollars, and %v when nothing runs any more", dollars, later)
	}
}
