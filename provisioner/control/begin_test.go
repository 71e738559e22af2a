package control_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/control"
	"github.com/serflow/serflow-go/provisioner/policy"
)

// begun is the alive VMs that a fleet is to have after the first tick of a loop, which has no counts yet, where so
// many are there.
func begun(t *testing.T, l *control.Loop, there int) (alive int, f *provisioner.Fleet) {
	t.Helper()
	f = provisioner.NewFleet("f", ample, provisioner.Patience{})
	var found []provisioner.Found
	for i := range there {
		found = append(found, provisioner.Found{ID: fmt.Sprint("vm", i), Token: "e-1", Stages: all, Offer: small, Age: time.Hour})
	}
	f.Found(0, found...)
	l.Tick(0, f, control.Seen{})
	f.Tick(0)
	return aliveOf(f, small, 0), f
}

func aliveOf(f *provisioner.Fleet, o provisioner.VMOffer, now time.Duration) int {
	return f.Standing(now, provisioner.Want{Stages: all, Offer: o}).Alive()
}

// A loop begins with what is there, what its predecessor wanted or what the plan says, in this order but for the
// larger of the first and the last, and within the group's bounds.
func TestBeginsWith(t *testing.T) {
	n := 5.0
	for name, c := range map[string]struct{ planned, there, restored, least, want int }{
		"the plan":              {planned: 2, restored: -1, want: 2},
		"more that is there":    {planned: 2, there: 4, restored: -1, want: 4},
		"fewer that are there":  {planned: 2, there: 1, restored: -1, want: 2},
		"a predecessor's scale": {planned: 2, there: 6, restored: 3, want: 3},
		"a minimum":             {planned: 2, restored: 1, least: 3, want: 3},
	} {
		config := one(c.planned, ordering(&n))
		config.Groups[0].Min = c.least
		l := must(t, config)
		if c.restored >= 0 {
			data, err := json.Marshal(must(t, one(c.restored, ordering(&n))))
			if err == nil {
				err = json.Unmarshal(data, l)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		alive, _ := begun(t, l, c.there)
		want(t, name, alive, c.want)
	}
}

// Another plan's group begins with as many VMs as carry what is wanted now, whatever that plan says.
func TestPlanKeepsTheScale(t *testing.T) {
	n := 3.0
	l := must(t, one(3, ordering(&n)))
	_, f := begun(t, l, 3)
	if err := l.Plan([]control.Group{{Offers: []control.Offer{offered(large, 7, 100)}}}, nil); err != nil {
		t.Fatal(err)
	}
	l.Tick(time.Second, f, control.Seen{})
	f.Tick(time.Second)
	want(t, "of twice what three carry", aliveOf(f, large, time.Second), 2)
	want(t, "of the old plan", aliveOf(f, small, time.Second), 0)
}

func must(t *testing.T, c control.Config) *control.Loop {
	t.Helper()
	l, err := control.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// asked is a policy that remembers what it was told it may order.
type asked struct{ most *int }

func (asked) Name() string { return "asked" }

func (p asked) Decide(_ time.Duration, o policy.Observation) policy.Decision {
	*p.most = o.Groups[0].Max
	return policy.Decision{Groups: []policy.Order{{VMs: 1}}}
}

// A policy may order what the limits leave room for: by number, by dollars an hour unless they are paid anyway, and by
// the group's own maximum.
func TestMostThatAPolicyMayOrder(t *testing.T) {
	for name, c := range map[string]struct {
		limits provisioner.Limits
		market provisioner.Market
		most   int
		want   int
	}{
		"by number":         {provisioner.Limits{VMs: 7, PerHour: 8, PerDay: 9}, provisioner.OnDemand, 0, 7},
		"by dollars":        {provisioner.Limits{VMs: 7, PerHour: 0.35, PerDay: 9}, provisioner.OnDemand, 0, 3},
		"paid anyway":       {provisioner.Limits{VMs: 7, PerHour: 0.35, PerDay: 9}, provisioner.Committed, 0, 7},
		"the group's own":   {provisioner.Limits{VMs: 7, PerHour: 8, PerDay: 9}, provisioner.OnDemand, 2, 2},
		"no room for a one": {provisioner.Limits{VMs: 7, PerHour: 0.09, PerDay: 9}, provisioner.OnDemand, 2, 0},
	} {
		most := -1
		config := one(0, asked{&most})
		config.Limits, config.Groups[0].Max, config.Groups[0].Offers[0].Offer.Market = c.limits, c.most, c.market
		l := must(t, config)
		f := provisioner.NewFleet("f", c.limits, provisioner.Patience{})
		f.Found(0)
		l.Tick(0, f, control.Seen{})
		l.Tick(10*time.Second, f, control.Seen{Counts: seconds(0, 10, func() int { return 5 })})
		want(t, name, most, c.want)
	}
}
