package provisioner_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/serflow/serflow-go/provisioner"
)

// cloud is a provider that loses, delays, repeats and reorders what it says.
type cloud struct {
	vms     map[string]provisioner.Found // that exist
	granted map[string][]string          // by token: asked again, it launches nothing new
	ended   []string
	next    int
	events  []func(now time.Duration)
}

func (c *cloud) do(t *rapid.T, f *provisioner.Fleet, now time.Duration, a provisioner.Action) {
	if rapid.IntRange(0, 4).Draw(t, "lost call") == 0 {
		return
	}
	say := func(event func(now time.Duration)) {
		for range rapid.IntRange(0, 2).Draw(t, "times said") {
			c.events = append(c.events, event)
		}
	}
	switch a.Kind {
	case provisioner.Launch:
		ids, ok := c.granted[a.Token]
		if !ok {
			for range rapid.IntRange(0, a.VMs).Draw(t, "granted") {
				c.next++
				id := fmt.Sprintf("vm%d", c.next)
				ids = append(ids, id)
				offer := small
				if a.Key.Offer == large.Name {
					offer = large
				}
				c.vms[id] = provisioner.Found{ID: id, Token: a.Token, Stages: a.Key.Stages, Offer: offer}
			}
			c.granted[a.Token] = ids
		}
		token := a.Token
		if ok && rapid.IntRange(0, 3).Draw(t, "throttled") == 0 {
			say(func(now time.Duration) { f.LaunchFailed(now, token) })
			return
		}
		say(func(now time.Duration) { f.Launched(now, token, ids...) })
		for _, id := range ids {
			say(func(now time.Duration) {
				if _, ok := c.vms[id]; ok {
					f.Ready(now, id, token)
				}
			})
		}
	case provisioner.Drain:
		say(func(now time.Duration) { f.Idle(now, a.ID) })
	case provisioner.Move:
		if rapid.IntRange(0, 3).Draw(t, "unfit") == 0 {
			say(func(now time.Duration) { f.Unfit(now, a.ID, a.Key) })
		}
	case provisioner.End:
		delete(c.vms, a.ID)
		c.ended = append(c.ended, a.ID)
		say(func(now time.Duration) { f.Ended(now, a.ID) })
	case provisioner.List:
		all, asked := c.all(), now
		say(func(now time.Duration) {
			if now < asked+time.Minute { // a driver waits no longer
				f.Found(now, all...)
			}
		})
	}
}

func (c *cloud) all() (list []provisioner.Found) {
	for _, vm := range c.vms {
		list = append(list, vm)
	}
	slices.SortFunc(list, func(a, b provisioner.Found) int { return strings.Compare(a.ID, b.ID) })
	return list
}

// Whatever is lost, late, repeated or reordered: there is never more than the limits
// allow, and in the end there is just what is wanted, with nothing left over.
func TestFleetAgainstChaos(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limits := provisioner.Limits{VMs: rapid.IntRange(0, 6).Draw(t, "limit"), PerHour: 1.0, PerDay: 1000}
		f := provisioner.NewFleet("f", limits, provisioner.Patience{})
		c := &cloud{vms: map[string]provisioner.Found{}, granted: map[string][]string{}}
		now := time.Duration(0)
		both, next := false, provisioner.Want{Stages: deep, Offer: small}
		step := func() {
			actions, wake := f.Tick(now)
			if again, _ := f.Tick(now); len(again) > 0 {
				t.Fatalf("asked twice at %v: %v", now, again)
			}
			if wake <= now {
				t.Fatalf("wants to be woken at %v, at %v", wake, now)
			}
			for _, a := range actions {
				c.do(t, f, now, a)
			}
			for _, vm := range f.VMs() {
				if vm.Next != (provisioner.Key{}) && vm.State <= provisioner.Ready && !(both && vm.Key == wanted(0).Key() && vm.Next == next.Key()) {
					t.Fatalf("for two kinds, while %v: %+v", both, vm)
				}
			}
			perHour := 0.0
			for _, vm := range c.vms {
				perHour += vm.Offer.PerHour
			}
			if len(c.vms) > limits.VMs || perHour > limits.PerHour+1e-9 {
				t.Fatalf("%d VMs for %v dollars an hour, limits %+v", len(c.vms), perHour, limits)
			}
		}
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 5).Draw(t, "event") {
			case 0:
				all := []provisioner.Want{
					wanted(rapid.IntRange(0, 4).Draw(t, "small")),
					{Stages: deep, Offer: large, VMs: rapid.IntRange(0, 2).Draw(t, "large")},
				}
				next.VMs = rapid.IntRange(0, 4).Draw(t, "of the next plan")
				both = false
				switch rapid.IntRange(0, 2).Draw(t, "plan") {
				case 1:
					both, all[0].Leaving = true, true
					all = append(all, next)
				case 2:
					all[0] = next
				}
				_ = f.Want(all...)
			case 1, 2:
				if n := len(c.events); n > 0 {
					i := rapid.IntRange(0, n-1).Draw(t, "which")
					c.events[i](now)
					c.events = slices.Delete(c.events, i, i+1)
				}
			case 3:
				now += time.Duration(rapid.SampledFrom([]int{1, 10, 100, 400}).Draw(t, "seconds")) * time.Second
			case 4:
				if n := len(c.vms); n > 0 {
					vm := c.all()[rapid.IntRange(0, n-1).Draw(t, "which")]
					if rapid.Bool().Draw(t, "notice") {
						f.Notice(now, vm.ID)
					} else {
						f.Lost(now, vm.ID)
					}
				}
			case 5:
				if n := len(c.vms); n > 0 {
					delete(c.vms, c.all()[rapid.IntRange(0, n-1).Draw(t, "which")].ID) // it crashes
				}
			}
			step()
		}

		// From now on the cloud behaves: everything is said once, in order.
		n := min(2, limits.VMs)
		both = false
		_ = f.Want(wanted(n))
		c.events = nil
		for range 400 {
			now += 15 * time.Second
			actions, _ := f.Tick(now)
			for _, a := range actions {
				behave(f, c, now, a)
			}
			for _, vm := range c.all() {
				f.Ready(now, vm.ID, vm.Token)
			}
		}
		ready := 0
		for _, vm := range f.VMs() {
			if _, ok := c.vms[vm.ID]; !ok || vm.State != provisioner.Ready || vm.Key != wanted(0).Key() {
				t.Fatalf("left over: %+v, exists %v", vm, ok)
			}
			ready++
		}
		if ready != n || len(c.vms) != n {
			t.Fatalf("%d ready and %d that exist, want %d", ready, len(c.vms), n)
		}
	})
}

func behave(f *provisioner.Fleet, c *cloud, now time.Duration, a provisioner.Action) {
	switch a.Kind {
	case provisioner.Launch:
		if _, ok := c.granted[a.Token]; !ok {
			for range a.VMs {
				c.next++
				id := fmt.Sprintf("vm%d", c.next)
				c.vms[id] = provisioner.Found{ID: id, Token: a.Token, Stages: a.Key.Stages, Offer: small}
				c.granted[a.Token] = append(c.granted[a.Token], id)
			}
		}
		f.Launched(now, a.Token, c.granted[a.Token]...)
	case provisioner.Drain:
		f.Idle(now, a.ID)
	case provisioner.End:
		delete(c.vms, a.ID)
		f.Ended(now, a.ID)
	case provisioner.List:
		f.Found(now, c.all()...)
	}
}
