package control_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/control"
	"github.com/serflow/serflow-go/stage"
)

// grouped is a group of stages from first to last, whose VMs are of these offers.
func grouped(first, last, vms int, offers ...provisioner.VMOffer) (g control.Group) {
	for _, o := range offers {
		x := offered(o, vms, 50)
		x.Stages = stage.Range{First: first, Last: last}
		g.Offers = append(g.Offers, x)
	}
	return g
}

// While requests move to another plan, a group that both plans have is one group: it wants its VMs once. The others are
// of both plans.
func TestTowardAnotherPlan(t *testing.T) {
	huge := provisioner.VMOffer{Name: "huge", PerHour: 1}
	old := []control.Group{grouped(0, 1, 2, small, large), grouped(2, 2, 1, large), grouped(3, 3, 1, small)}
	now := []control.Group{grouped(0, 1, 1, large, small), grouped(2, 2, 1, large, huge), grouped(3, 4, 1, small)}
	l, err := control.New(control.Config{Limits: ample, Groups: old})
	if err != nil {
		t.Fatal(err)
	}
	kinds := func() string {
		var words []string
		for _, k := range l.Kinds() {
			words = append(words, fmt.Sprint(k.Stages, " ", k.Offer.Name))
		}
		return strings.Join(words, ", ")
	}
	if err := l.Toward(now); err != nil {
		t.Fatal(err)
	}
	want(t, "both", kinds(), "stages 1-2 large, stages 1-2 small, stage 3 large, stages 4-5 small, stage 4 small")
	if err := l.Plan(now, nil); err != nil {
		t.Fatal(err)
	}
	want(t, "then the new one", kinds(), "stages 1-2 large, stages 1-2 small, stage 3 large, stage 3 huge, stages 4-5 small")
	if len(old[0].Offers) != 2 || len(now[0].Offers) != 2 {
		t.Error("the plans' own groups have changed")
	}
}

// The VMs of a plan that requests leave are those of the next one, by the loop as by the fleet: of three for both stages
// two go on with the first one alone, and what the third needs is launched.
func TestTowardReusesVMs(t *testing.T) {
	n := 3.0
	l, err := control.New(control.Config{Policy: ordering(&n), Limits: ample, Groups: []control.Group{grouped(0, 1, 3, small)}})
	if err != nil {
		t.Fatal(err)
	}
	f := provisioner.NewFleet("f", ample, provisioner.Patience{})
	now := time.Duration(0)
	tick := func() (actions []provisioner.Action) {
		now += 10 * time.Second
		if l.Due(now, f) {
			l.Tick(now, f, control.Seen{})
		}
		actions, _ = f.Tick(now)
		return actions
	}
	tick()
	f.Found(now)
	f.Launched(now, tick()[0].Token, "a", "b", "c")
	for _, id := range []string{"a", "b", "c"} {
		f.Ready(now, id, "f-1")
	}
	next := []control.Group{grouped(0, 0, 2, small), grouped(1, 1, 1, large)}
	if err := l.Toward(next); err != nil {
		t.Fatal(err)
	}
	actions := tick()
	want(t, "on the way", fmt.Sprint(len(actions), actions[2].Kind == provisioner.Launch, " ", actions[2].Key.Offer), "3 true large")
	for _, a := range actions[:2] {
		if a.Kind != provisioner.Move || a.Key.Stages != (stage.Range{}) {
			t.Errorf("%+v", a)
		}
	}
	f.Launched(now, actions[2].Token, "d")
	f.Ready(now, "d", actions[2].Token)
	want(t, "nothing more", tick(), "[]")
	if err := l.Plan(next, nil); err != nil {
		t.Fatal(err)
	}
	var there []string
	for range 3 {
		for _, a := range tick() {
			switch a.Kind {
			case provisioner.Drain:
				f.Idle(now, a.ID)
			case provisioner.End:
				f.Ended(now, a.ID)
			case provisioner.Launch:
				t.Errorf("%+v", a)
			}
		}
	}
	for _, vm := range f.VMs() {
		there = append(there, fmt.Sprint(vm.ID, " ", vm.Key.Stages))
	}
	want(t, "there", strings.Join(there, ", "), "a stage 1, b stage 1, d stage 2")
}
