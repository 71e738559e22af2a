package providertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/stage"
)

// owner is whose things the tests make. What others own has names that look like it.
const owner = "shop"

// launchOf is a launch of the first offer.
func (c Cloud) launchOf(ctx context.Context, t *testing.T, token string, vms int) providers.Launch {
	t.Helper()
	offers, err := c.VMs.Offers(ctx)
	if err != nil || len(offers) == 0 {
		t.Fatalf("offers: %v, %v", offers, err)
	}
	return providers.Launch{
		Token: token, Owner: owner, Offer: offers[0], Stages: stage.Range{First: 0, Last: 2}, VMs: vms,
		Artifact: c.VMArtifact, Setup: c.Setup,
	}
}

// granted launches, and fails the test if there are not as many VMs.
func (c Cloud) granted(ctx context.Context, t *testing.T, l providers.Launch) []providers.Instance {
	t.Helper()
	vms, err := c.VMs.Launch(ctx, l)
	if err != nil || len(vms) != l.VMs {
		t.Fatalf("token %q: %d VMs, %v; want %d", l.Token, len(vms), err, l.VMs)
	}
	c.secret(t, vms)
	return vms
}

// listed is the VMs of an owner.
func (c Cloud) listed(ctx context.Context, t *testing.T, owner string) []providers.Instance {
	t.Helper()
	vms, err := c.VMs.List(ctx, owner)
	if err != nil {
		t.Fatalf("list of %q: %v", owner, err)
	}
	c.secret(t, vms)
	return vms
}

// end ends VMs and fails the test if one cannot be ended. A cloud may ask for patience: it may
// not know yet what it has just launched.
func (c Cloud) end(ctx context.Context, t *testing.T, ids ...string) {
	t.Helper()
	for _, id := range ids {
		eventually(ctx, t, id+" is ended", func() bool {
			err := c.VMs.End(ctx, id)
			if err != nil && !errors.Is(err, providers.ErrUnavailable) {
				t.Fatalf("end %q: %v", id, err)
			}
			return err == nil
		})
	}
}

// clear ends all that the owners have, and fails the test if anything runs then.
func (c Cloud) clear(ctx context.Context, t *testing.T, owners ...string) {
	t.Helper()
	for _, o := range append(owners, owner) {
		c.end(ctx, t, idsOf(c.listed(ctx, t, o))...)
		eventually(ctx, t, "nothing is listed", func() bool { return len(c.listed(ctx, t, o)) == 0 })
	}
	c.count(ctx, t, "all that was listed has ended", 0)
}

// specOf is a function of the first offer.
func (c Cloud) specOf(ctx context.Context, t *testing.T) providers.FunctionSpec {
	t.Helper()
	offers, err := c.Functions.Offers(ctx)
	if err != nil || len(offers) == 0 {
		t.Fatalf("offers: %v, %v", offers, err)
	}
	return providers.FunctionSpec{
		Owner: owner, Offer: offers[0], Stages: stage.Range{First: 1, Last: 2},
		Artifact: c.FunctionArtifact, Setup: c.Setup,
	}
}

// made makes a function, as lists show it.
func (c Cloud) made(ctx context.Context, t *testing.T, s providers.FunctionSpec) providers.Function {
	t.Helper()
	fn, err := c.Functions.Ensure(ctx, s)
	if err != nil {
		t.Fatalf("ensure: %v", err)
	}
	c.secret(t, fn)
	if w := fn.Warmed; w.Started > w.Calls || min(w.Wanted, w.Started, w.Calls, w.Throttled) < 0 || (w.Dollars > 0) != (w.Calls > 0 && s.Offer.Cost(time.Second) > 0) {
		t.Errorf("calls of Ensure itself: %+v", w)
	}
	fn.Warmed = providers.Warmed{} // which says what this Ensure has done
	return fn
}

// functions is those of an owner.
func (c Cloud) functions(ctx context.Context, t *testing.T, owner string) []providers.Function {
	t.Helper()
	list, err := c.Functions.List(ctx, owner)
	if err != nil {
		t.Fatalf("list of %q: %v", owner, err)
	}
	c.secret(t, list)
	return list
}

// secret fails the test if something tells the setup.
func (c Cloud) secret(t *testing.T, shown any) {
	t.Helper()
	if text := fmt.Sprintf("%+v", shown); c.Setup != "" && strings.Contains(text, c.Setup) {
		t.Errorf("it tells the setup: %s", text)
	}
}

// isError fails the test unless an error is as package providers says, and wraps what it
// should.
func (c Cloud) isError(t *testing.T, what, provider string, err, want error) {
	t.Helper()
	var e *providers.Error
	switch {
	case !errors.As(err, &e):
		t.Errorf("%s: %v, want a *providers.Error", what, err)
	case e.Provider != provider || e.Op == "":
		t.Errorf("%s: provider %q and op %q in %v", what, e.Provider, e.Op, err)
	case !errors.Is(err, want):
		t.Errorf("%s: %v, want one with %q", what, err, want)
	}
	c.secret(t, err)
}

// uncertain fails the test unless an error leaves it open whether anything was done.
func (c Cloud) uncertain(t *testing.T, what, provider string, err error) {
	t.Helper()
	want := providers.ErrUnavailable
	if errors.Is(err, context.DeadlineExceeded) {
		want = context.DeadlineExceeded
	}
	c.isError(t, what, provider, err, want)
	if providers.Refused(err) {
		t.Errorf("%s: %v: it says that nothing was done, and cannot know", what, err)
	}
}

// eventually waits until something is so, and looks less often the longer that takes.
func eventually(ctx context.Context, t *testing.T, what string, so func() bool) {
	t.Helper()
	for pause := 5 * time.Millisecond; !so(); pause = min(2*pause, time.Second) {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			t.Fatalf("never: %s", what)
		}
	}
}

func idsOf(vms []providers.Instance) (ids []string) {
	for _, vm := range vms {
		ids = append(ids, vm.ID)
	}
	return ids
}

func sorted(ids []string) []string {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	return ids
}

// strange is an offer that nobody sells.
func strange(o provisioner.VMOffer) provisioner.VMOffer {
	o.Name += " that nobody sells"
	return o
}
