package provisioner_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/stage"
)

// of is what is wanted of an offer for stages from first on and before end.
func of(o provisioner.VMOffer, first, end, n int) provisioner.Want {
	return provisioner.Want{Stages: stage.Range{First: first, Last: end - 1}, Offer: o, VMs: n}
}

func leaving(w provisioner.Want) provisioner.Want {
	w.Leaving = true
	return w
}

// serving is a fleet whose VMs a, b, c and so on serve what is wanted.
func serving(t *testing.T, l provisioner.Limits, w provisioner.Want) *provisioner.Fleet {
	t.Helper()
	f := started(t, l, w)
	want(t, "launched", tick(f, 0), fmt.Sprintf("launch %d %s f-1", w.VMs, w.Offer.Name))
	ids := strings.Split("abcdefgh"[:w.VMs], "")
	f.Launched(time.Second, "f-1", ids...)
	for _, id := range ids {
		f.Ready(time.Minute, id, "f-1")
	}
	return f
}

func wants(t *testing.T, f *provisioner.Fleet, all ...provisioner.Want) {
	t.Helper()
	if err := f.Want(all...); err != nil {
		t.Fatal(err)
	}
}

// roles is what each VM is for, and beside it will be.
func roles(f *provisioner.Fleet) string {
	var words []string
	for _, vm := range f.VMs() {
		word := fmt.Sprintf("%s %s %d-%d", vm.ID, vm.State, vm.Key.Stages.First, vm.Key.Stages.Last+1)
		if vm.Next != (provisioner.Key{}) {
			word += fmt.Sprintf("+%d-%d", vm.Next.Stages.First, vm.Next.Stages.Last+1)
		}
		words = append(words, word)
	}
	return strings.Join(words, ", ")
}

// Three VMs of [0,2) move to a plan of two for [0,3) and two for [3,5): one is launched, and none is ended. While
// requests move each is both, so that no other is launched for the plan that they leave.
func TestReplanReusesVMs(t *testing.T) {
	f := serving(t, ample, of(small, 0, 2, 3))
	wants(t, f, of(small, 0, 3, 2), of(small, 3, 5, 2), leaving(of(small, 0, 2, 3)))
	want(t, "moved and launched", tick(f, 2*time.Minute), "move a to 0-3, move b to 0-3, move c to 3-5, launch 1 small f-2")
	want(t, "what they are for", roles(f), "a ready 0-2+0-3, b ready 0-2+0-3, c ready 0-2+3-5")
	for w, ready := range map[provisioner.Want]int{of(small, 0, 2, 0): 3, of(small, 0, 3, 0): 2, of(small, 3, 5, 0): 1} {
		want(t, fmt.Sprint("ready for ", w.Stages), f.Standing(2*time.Minute, w).Ready, ready)
	}
	f.Launched(2*time.Minute, "f-2", "d")
	f.Ready(3*time.Minute, "d", "f-2")
	want(t, "while requests move", tick(f, 4*time.Minute), "")
	wants(t, f, of(small, 0, 3, 2), of(small, 3, 5, 2))
	want(t, "they have moved", tick(f, 4*time.Minute+time.Second), "move a to 0-3, move b to 0-3, move c to 3-5")
	want(t, "what they are for then", roles(f), "a ready 0-3, b ready 0-3, c ready 3-5, d ready 3-5")
	want(t, "and nothing more", tick(f, 4*time.Minute+time.Second), "")
}

// Where an offer has no memory for the new stages, the plan has them on another one: its VMs are launched, and the
// others are drained, once requests have moved.
func TestReplanOnAnotherOffer(t *testing.T) {
	f := serving(t, ample, of(small, 0, 2, 2))
	wants(t, f, of(large, 0, 3, 2), leaving(of(small, 0, 2, 2)))
	want(t, "launched", tick(f, 2*time.Minute), "launch 2 large f-2")
	f.Launched(2*time.Minute, "f-2", "c", "d")
	f.Ready(3*time.Minute, "c", "f-2")
	f.Ready(3*time.Minute, "d", "f-2")
	wants(t, f, of(large, 0, 3, 2))
	want(t, "drained", tick(f, 4*time.Minute), "drain a, drain b")
}

// A plan that is given up leaves every VM as it was, and ends what was launched for it.
func TestReplanGivenUp(t *testing.T) {
	f := serving(t, ample, of(small, 0, 2, 2))
	wants(t, f, of(small, 0, 3, 3), leaving(of(small, 0, 2, 2)))
	want(t, "moved", tick(f, 2*time.Minute), "move a to 0-3, move b to 0-3, launch 1 small f-2")
	f.Launched(2*time.Minute, "f-2", "c")
	wants(t, f, of(small, 0, 2, 2))
	want(t, "given up", tick(f, 3*time.Minute), "move a to 0-2, move b to 0-2, end c")
	want(t, "as before", roles(f), "a ready 0-2, b ready 0-2, c ending 0-3")
}

// A VM that is lost, or taken back, while it is for two plans is replaced in both, from those that are there if there are any.
func TestReplanLosesVMs(t *testing.T) {
	for name, lose := range map[string]func(f *provisioner.Fleet){
		"dies":          func(f *provisioner.Fleet) { f.Lost(3*time.Minute, "a"); f.Ended(3*time.Minute, "a") },
		"is taken back": func(f *provisioner.Fleet) { f.Notice(3*time.Minute, "a") },
	} {
		f := serving(t, ample, of(small, 0, 2, 3))
		wants(t, f, of(small, 0, 3, 1), leaving(of(small, 0, 2, 3)))
		want(t, "moved", tick(f, 2*time.Minute), "move a to 0-3")
		lose(f)
		actions := strings.TrimPrefix(tick(f, 3*time.Minute), "drain a, ")
		want(t, name, actions, "move b to 0-3, launch 1 small f-2")
		wants(t, f, of(small, 0, 3, 1))
		f.Launched(4*time.Minute, "f-2", "d")
		got := strings.TrimPrefix(tick(f, 4*time.Minute), "end a, ")
		want(t, name+", and requests have moved", got, "move b to 0-3, end d, drain c")
	}
}

// A VM that cannot be set up for another plan serves on in the one that requests leave; another takes its place in the
// new one, and it is ended with those that are of no more use.
func TestReplanWithAnUnfitVM(t *testing.T) {
	f := serving(t, ample, of(small, 0, 2, 2))
	wants(t, f, of(small, 0, 3, 2), leaving(of(small, 0, 2, 2)))
	want(t, "moved", tick(f, 2*time.Minute), "move a to 0-3, move b to 0-3")
	f.Unfit(2*time.Minute, "a", of(small, 0, 3, 0).Key())
	f.Unfit(2*time.Minute, "a", of(small, 0, 3, 0).Key()) // twice is once
	want(t, "another is launched", tick(f, 2*time.Minute), "launch 1 small f-2")
	want(t, "it serves on", roles(f), "a ready 0-2, b ready 0-2+0-3")
	f.Launched(2*time.Minute, "f-2", "c")
	wants(t, f, of(small, 0, 3, 2))
	want(t, "requests have moved", tick(f, 3*time.Minute), "move b to 0-3, drain a")

	f = serving(t, ample, of(small, 0, 2, 1))
	wants(t, f, of(small, 0, 3, 1)) // at once: nobody is left on the old plan
	want(t, "moved for good", tick(f, 2*time.Minute), "move a to 0-3")
	f.Unfit(2*time.Minute, "a", of(small, 0, 3, 0).Key())
	want(t, "it has no other use", tick(f, 2*time.Minute), "drain a, launch 1 small f-2")
	f.Unfit(2*time.Minute, "nobody", of(small, 0, 3, 0).Key())
}

// What an earlier run left is adopted for what is wanted now, whatever its tags say it was launched for: here it had
// moved two of five from [0,3) to [3,5), and one had been launched for a plan before both.
func TestAdoptsForAnyStages(t *testing.T) {
	f := provisioner.NewFleet("f", ample, provisioner.Patience{})
	tick(f, 0)
	var found []provisioner.Found
	for i, tag := range []stage.Range{{Last: 2}, {Last: 2}, {Last: 2}, {Last: 2}, {Last: 2}, {First: 1, Last: 1}} {
		found = append(found, provisioner.Found{ID: string(rune('a' + i)), Token: "e-1", Stages: tag, Offer: small, Age: time.Hour})
	}
	found = append(found, provisioner.Found{ID: "z", Token: "e-2", Stages: stage.Range{Last: 2}, Offer: large})
	wants(t, f, of(small, 0, 3, 3), of(small, 3, 5, 3))
	f.Found(0, found...)
	want(t, "adopted", tick(f, 0), "move f to 3-5, move a to 3-5, move b to 3-5, end z")
	want(t, "for", roles(f), "a booting 3-5, b booting 3-5, c booting 0-3, d booting 0-3, e booting 0-3, f booting 3-5, z ending 0-3")
	for _, x := range found {
		f.Ready(time.Second, x.ID, x.Token)
	}
	f.Found(time.Second, found...)
	want(t, "another list has the old tags", strings.TrimPrefix(tick(f, time.Second), "end z"), "")
	wants(t, f, of(small, 0, 3, 2), of(small, 3, 5, 4))
	want(t, "those that serve stay what they are", tick(f, 2*time.Second), "drain c, launch 1 small f-1")

	f = provisioner.NewFleet("f", ample, provisioner.Patience{})
	tick(f, 0)
	wants(t, f, of(small, 0, 3, 4), of(small, 3, 5, 3))
	f.Found(0, found[:5]...)
	want(t, "one is too many where it was launched for", tick(f, 0), "move a to 3-5, launch 2 small f-1")
}

// VMs that serve are not moved between kinds that are wanted: one has too many for a while, as traffic goes.
func TestNoMovesWithoutAReplan(t *testing.T) {
	f := serving(t, ample, of(small, 0, 2, 2))
	wants(t, f, of(small, 0, 2, 1), of(small, 2, 4, 1))
	want(t, "one for each", tick(f, 2*time.Minute), "drain a, launch 1 small f-2")
	f = started(t, ample, of(small, 0, 2, 2))
	tick(f, 0)
	f.Launched(0, "f-1", "a", "b")
	wants(t, f, of(small, 0, 2, 1), of(small, 2, 4, 1))
	want(t, "nor are those that boot", tick(f, time.Second), "end a, launch 1 small f-2")
}

// Moves take no room in the limits, and what does not fit is given up in both plans.
func TestReplanAtTheLimits(t *testing.T) {
	f := serving(t, provisioner.Limits{VMs: 3, PerHour: 9, PerDay: 9}, of(small, 0, 2, 3))
	wants(t, f, of(small, 0, 3, 3), of(small, 3, 5, 2), leaving(of(small, 0, 2, 3)))
	want(t, "there is no room for others", tick(f, 2*time.Minute), "move a to 0-3, move b to 0-3, move c to 0-3")
	want(t, "nor later", tick(f, 3*time.Minute), "")

	f = serving(t, provisioner.Limits{VMs: 9, PerHour: 0.35, PerDay: 9}, of(small, 0, 2, 3))
	next, old := of(small, 0, 3, 3), leaving(of(small, 0, 2, 3))
	wants(t, f, next, old)
	want(t, "moved", tick(f, 2*time.Minute), "move a to 0-3, move b to 0-3, move c to 0-3")
	next.Offer.PerHour, old.Offer.PerHour = 0.15, 0.15
	wants(t, f, next, old)
	tick(f, 3*time.Minute)
	want(t, "two of them are within the limit of an hour now", roles(f), "a draining 0-2, b ready 0-2+0-3, c ready 0-2+0-3")
	want(t, "and that is all", tick(f, 3*time.Minute), "")

	f = serving(t, provisioner.Limits{VMs: 9, PerHour: 0.45, PerDay: 9}, of(small, 0, 2, 4))
	next, old = of(small, 0, 3, 2), leaving(of(small, 0, 2, 4))
	wants(t, f, next, old)
	want(t, "two moved", tick(f, 2*time.Minute), "move a to 0-3, move b to 0-3")
	next.Offer.PerHour, old.Offer.PerHour = 0.15, 0.15
	wants(t, f, next, old)
	want(t, "one of the others is too many", tick(f, 3*time.Minute), "drain c")

	f = provisioner.NewFleet("f", provisioner.Limits{VMs: 2, PerHour: 9, PerDay: 9}, provisioner.Patience{})
	tick(f, 0)
	var found []provisioner.Found
	for _, id := range []string{"a", "b", "c"} {
		found = append(found, provisioner.Found{ID: id, Token: "e-1", Stages: stage.Range{Last: 1}, Offer: small})
	}
	wants(t, f, of(small, 0, 3, 3))
	f.Found(0, found...)
	want(t, "adopted as far as the limits go", tick(f, 0), "move a to 0-3, move b to 0-3, end c")
}

// A VM that still boots for the plan that requests leave is moved after those that serve; when the new plan wants fewer
// again, those launched for it go before those that were moved.
func TestReplanOrder(t *testing.T) {
	f := serving(t, ample, of(small, 0, 2, 1))
	wants(t, f, of(small, 0, 2, 2))
	want(t, "one more", tick(f, 2*time.Minute), "launch 1 small f-2")
	f.Launched(2*time.Minute, "f-2", "B")
	wants(t, f, of(small, 0, 3, 3), leaving(of(small, 0, 2, 2)))
	want(t, "all that there is", tick(f, 3*time.Minute), "move a to 0-3, move B to 0-3, launch 1 small f-3")
	f.Launched(3*time.Minute, "f-3", "d")
	f.Ready(4*time.Minute, "B", "f-2")
	f.Ready(4*time.Minute, "d", "f-3")
	wants(t, f, of(small, 0, 3, 2), leaving(of(small, 0, 2, 2)))
	want(t, "one too many", tick(f, 4*time.Minute), "drain d")
	wants(t, f, of(small, 0, 3, 1), leaving(of(small, 0, 2, 2)))
	want(t, "two too many", tick(f, 4*time.Minute), "move B to 0-2")
	wants(t, f, of(small, 0, 3, 1), leaving(of(small, 0, 2, 1)))
	want(t, "and the old plan wants fewer", tick(f, 4*time.Minute), "drain B")
	wants(t, f, of(small, 0, 3, 1), leaving(of(small, 0, 2, 0)))
	want(t, "or none: the new one wants it all the same", tick(f, 4*time.Minute), "")
}
