package providertest

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/stage"
)

func vmOffers(ctx context.Context, t *testing.T, c Cloud) {
	offers, err := c.VMs.Offers(ctx)
	if err != nil || len(offers) == 0 || c.VMs.Name() == "" {
		t.Fatalf("%q offers %v, %v", c.VMs.Name(), offers, err)
	}
	names := map[string]bool{}
	for _, o := range offers {
		if err := o.Validate(); err != nil || names[o.Name] {
			t.Errorf("%+v: %v, or its name is another's", o, err)
		}
		names[o.Name] = true
	}
}

// VMs are listed from their launch on with all that it said, in the order of launches.
func launchAndList(ctx context.Context, t *testing.T, c Cloud) {
	began := time.Now()
	first, second := c.launchOf(ctx, t, "first", 2), c.launchOf(ctx, t, "second", 1)
	second.Stages = stage.Range{First: 1, Last: 1}
	for i, vm := range append(c.granted(ctx, t, first), c.granted(ctx, t, second)...) {
		l := first
		if i == 2 {
			l = second
		}
		saysItsLaunch(t, vm, l, began)
	}
	list := c.listed(ctx, t, owner)
	if len(list) != 3 || list[0].Token != "first" || list[1].Token != "first" || list[2].Token != "second" {
		t.Fatalf("listed: %+v", list)
	}
	saysItsLaunch(t, list[0], first, began)
	saysItsLaunch(t, list[2], second, began)
	ids := sorted(idsOf(list))
	if len(slices.Compact(ids)) != 3 || ids[0] == "" {
		t.Errorf("IDs: %q", ids)
	}
	c.count(ctx, t, "two launches", 3)
	if c.Running != nil && !slices.Equal(sorted(c.Running()), ids) {
		t.Errorf("%q run, and %q are listed", sorted(c.Running()), ids)
	}
	c.launched(t, "two launches", 3)
	c.clear(ctx, t)
}

// saysItsLaunch checks what an instance says of its launch. It may have been cheaper than the
// offer, if the cloud had several types for it. Clocks of clouds differ from ours a little.
func saysItsLaunch(t *testing.T, vm providers.Instance, l providers.Launch, began time.Time) {
	t.Helper()
	if vm.ID == "" || vm.Token != l.Token || vm.Owner != l.Owner || vm.Stages != l.Stages || vm.Artifact != l.Artifact {
		t.Errorf("%+v does not say what it came of: %s for %s, %v, %q", vm, l.Token, l.Owner, l.Stages, l.Artifact)
	}
	if vm.Offer.Name != l.Offer.Name || vm.Offer.Market != l.Offer.Market || vm.Offer.PerHour > l.Offer.PerHour || vm.Offer.Validate() != nil {
		t.Errorf("it is a %+v, and %+v was asked for", vm.Offer, l.Offer)
	}
	if d := vm.Launched.Sub(began); d < -time.Minute || d > patience {
		t.Errorf("launched at %v, %v after it was asked for", vm.Launched, d)
	}
}

// A VM has an address in the end, to which requests can be sent.
func addressesCome(ctx context.Context, t *testing.T, c Cloud) {
	c.granted(ctx, t, c.launchOf(ctx, t, "a", 2))
	eventually(ctx, t, "all VMs have addresses", func() bool {
		return !slices.ContainsFunc(c.listed(ctx, t, owner), func(vm providers.Instance) bool { return vm.Address == "" })
	})
	if list := c.listed(ctx, t, owner); len(list) == 2 && list[0].Address == list[1].Address {
		t.Errorf("two VMs at %s", list[0].Address)
	}
	c.clear(ctx, t)
}

func aTokenLaunchesOnce(ctx context.Context, t *testing.T, c Cloud) {
	l := c.launchOf(ctx, t, "a", 3)
	ids := sorted(idsOf(c.granted(ctx, t, l)))
	again := func(want ...string) {
		t.Helper()
		vms, err := c.VMs.Launch(ctx, l)
		if got := sorted(idsOf(vms)); err != nil || !slices.Equal(got, want) {
			t.Errorf("asked again: %q, %v; want %q", got, err, want)
		}
	}
	again(ids...)
	other := l
	other.VMs++
	_, err := c.VMs.Launch(ctx, other)
	c.isError(t, "a token of another launch", c.VMs.Name(), err, providers.ErrInvalid)
	other = l
	other.Setup += " changed"
	_, err = c.VMs.Launch(ctx, other)
	c.isError(t, "a token of a launch with another setup", c.VMs.Name(), err, providers.ErrInvalid)

	c.end(ctx, t, ids[0])
	again(ids[1:]...)
	c.end(ctx, t, ids[1:]...)
	again()
	c.launched(t, "one token", 3)
	c.granted(ctx, t, c.launchOf(ctx, t, "b", 1))
	c.launched(t, "another token", 4)
	c.clear(ctx, t)
}

func aTokenAskedByMany(ctx context.Context, t *testing.T, c Cloud) {
	l := c.launchOf(ctx, t, "a", 2)
	const callers = 4
	var answers [callers][]providers.Instance
	var errs [callers]error
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() { answers[i], errs[i] = c.VMs.Launch(ctx, l) })
	}
	all.Wait()
	for i := range callers {
		if errs[i] != nil || !slices.Equal(sorted(idsOf(answers[i])), sorted(idsOf(answers[0]))) || len(answers[i]) != 2 {
			t.Errorf("%v, %v; another caller was told %v", idsOf(answers[i]), errs[i], idsOf(answers[0]))
		}
	}
	c.launched(t, "one token, asked for by many", 2)
	c.clear(ctx, t)
}

func launchesThatCannotBe(ctx context.Context, t *testing.T, c Cloud) {
	for what, change := range map[string]func(*providers.Launch){
		"no token":        func(l *providers.Launch) { l.Token = "" },
		"no owner":        func(l *providers.Launch) { l.Owner = "" },
		"no VMs":          func(l *providers.Launch) { l.VMs = 0 },
		"negative VMs":    func(l *providers.Launch) { l.VMs = -1 },
		"negative stages": func(l *providers.Launch) { l.Stages.First = -1 },
	} {
		l := c.launchOf(ctx, t, "a", 1)
		change(&l)
		_, err := c.VMs.Launch(ctx, l)
		c.isError(t, what, c.VMs.Name(), err, providers.ErrInvalid)
	}
	l := c.launchOf(ctx, t, "a", 1)
	l.Offer = strange(l.Offer)
	_, err := c.VMs.Launch(ctx, l)
	c.isError(t, "an offer that is not sold", c.VMs.Name(), err, providers.ErrNotFound)
	c.count(ctx, t, "nothing could be launched", 0)
	c.launched(t, "nothing could be launched", 0)
}

func endVMs(ctx context.Context, t *testing.T, c Cloud) {
	vms := c.granted(ctx, t, c.launchOf(ctx, t, "a", 2))
	c.end(ctx, t, vms[0].ID)
	eventually(ctx, t, "one is left", func() bool {
		list := c.listed(ctx, t, owner)
		return len(list) == 1 && list[0].ID == vms[1].ID
	})
	c.count(ctx, t, "one has ended", 1)
	c.end(ctx, t, vms[0].ID, "never-known", vms[1].ID)
	c.clear(ctx, t)
}

// Owners see their own VMs alone, whatever the cloud makes of their names.
func ownersOfVMs(ctx context.Context, t *testing.T, c Cloud) {
	others := []string{"shop2", "sho", "sh*p", "Shop", "a/b c=d:e"}
	for _, o := range append(others, owner) {
		l := c.launchOf(ctx, t, "of "+o, 1)
		l.Owner = o
		c.granted(ctx, t, l)
	}
	for _, o := range append(others, owner) {
		if list := c.listed(ctx, t, o); len(list) != 1 || list[0].Owner != o || list[0].Token != "of "+o {
			t.Errorf("%q owns %+v", o, list)
		}
	}
	c.count(ctx, t, "six owners", 6)
	c.clear(ctx, t, others...)
}

// Nothing is begun for a caller that waits no more.
func vmsWhenTheContextIsOver(ctx context.Context, t *testing.T, c Cloud) {
	l := c.launchOf(ctx, t, "a", 1)
	vms := c.granted(ctx, t, l)
	l.Token = "b"
	over, cancel := context.WithCancel(ctx)
	cancel()
	errs := map[string]error{"end": c.VMs.End(over, vms[0].ID)}
	_, errs["offers"] = c.VMs.Offers(over)
	_, errs["launch"] = c.VMs.Launch(over, l)
	_, errs["list"] = c.VMs.List(over, owner)
	for what, err := range errs {
		c.isError(t, what, c.VMs.Name(), err, context.Canceled)
	}
	c.launched(t, "the second was not begun", 1)
	c.count(ctx, t, "the first was not ended", 1)
	c.clear(ctx, t)
}

// A program that starts again finds what the one before it has left, and can end it. It may
// ask for the same launch too.
func vmsAreAdopted(ctx context.Context, t *testing.T, c Cloud) {
	l := c.launchOf(ctx, t, "a", 2)
	left := sorted(idsOf(c.granted(ctx, t, l)))
	next := c.Successor(t)
	var list []providers.Instance
	eventually(ctx, t, "the successor finds what was left", func() bool {
		list = next.listed(ctx, t, owner)
		return slices.Equal(sorted(idsOf(list)), left)
	})
	saysItsLaunch(t, list[0], l, time.Now())
	if vms, err := next.VMs.Launch(ctx, l); err != nil || !slices.Equal(sorted(idsOf(vms)), left) {
		t.Errorf("the successor asks again: %v, %v; want %v", idsOf(vms), err, left)
	}
	c.launched(t, "one token, asked for by two programs", 2)
	next.clear(ctx, t)
}
