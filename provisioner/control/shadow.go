package control

import (
	"fmt"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/policy"
)

// Shadow runs a loop and rents nothing: its fleet is launched in a cloud where every VM is there
// after its boot, and the bill is reckoned from the plan's figures. It is not safe for concurrent use.
type Shadow struct {
	loop  *Loop
	fleet *provisioner.Fleet
	boots []boot
	next  int
	bill  Bill
	at    time.Duration // up to when the bill is reckoned

	elsewhere []float64
}

// boot is a VM that is not ready yet.
type boot struct {
	at        time.Duration
	id, token string
}

// Bill is what the requests that have come would have cost, in dollars.
type Bill struct {
	Seconds   float64
	Requests  float64
	VMs       float64 // that the loop would have rented
	Functions float64 // beside them, and of stages that have no VMs
	Alone     float64 // functions alone; of groups that have none, nothing
	Fixed     float64 // the plan's VMs, if there were always as many, and functions beside them
}

// Total is what following the traffic would have cost.
func (b Bill) Total() float64 { return b.VMs + b.Functions }

// String compares the three in words.
func (b Bill) String() string {
	return fmt.Sprintf("in %v, %.0f requests would have cost $%.4g: $%.4g for VMs and $%.4g for functions; functions alone $%.4g, and the plan's VMs without scaling $%.4g",
		time.Duration(b.Seconds*1e9).Round(time.Second), b.Requests, b.Total(), b.VMs, b.Functions, b.Alone, b.Fixed)
}

// NewShadow returns a shadow of a loop, which is then its own.
func NewShadow(l *Loop) *Shadow {
	s := &Shadow{loop: l, fleet: provisioner.NewFleet("shadow", l.config.Limits, provisioner.Patience{})}
	s.fleet.Found(0)
	return s
}

// Elsewhere sets what a request costs on functions, in dollars, that gets to stages which are no
// group's, by the first of these: see the function Elsewhere. Without it they cost nothing.
func (s *Shadow) Elsewhere(dollars []float64) { s.elsewhere = dollars }

// Next is when Step is due.
func (s *Shadow) Next() time.Duration { return s.loop.Next() }

// Step decides, if that is due, and says what would have been done. Counts are asked for only then.
func (s *Shadow) Step(now time.Duration, seen func() Seen) (lines []Line) {
	due := s.loop.Due(now, s.fleet)
	var was Seen
	if due {
		was = seen()
		s.reckon(now, was)
	}
	s.come(now)
	if due {
		lines = s.loop.Tick(now, s.fleet, was)
	}
	for again := true; again; {
		actions, _ := s.fleet.Tick(now)
		again = len(actions) > 0
		for _, a := range actions {
			s.act(now, a)
		}
	}
	return lines
}

// Bill is what it would have cost until the last Step.
func (s *Shadow) Bill() Bill {
	b := s.bill
	_, b.VMs = s.fleet.Spent()
	return b
}

// come has VMs serve that have booted.
func (s *Shadow) come(now time.Duration) {
	left := s.boots[:0]
	for _, b := range s.boots {
		if b.at <= now {
			s.fleet.Ready(now, b.id, b.token)
		} else {
			left = append(left, b)
		}
	}
	s.boots = left
}

func (s *Shadow) act(now time.Duration, a provisioner.Action) {
	switch a.Kind {
	case provisioner.Launch:
		var ids []string
		for range a.VMs {
			s.next++
			id := fmt.Sprintf("shadow-%d", s.next)
			ids = append(ids, id)
			s.boots = append(s.boots, boot{now + s.loop.boot(a.Key), id, a.Token})
		}
		s.fleet.Launched(now, a.Token, ids...)
	case provisioner.Drain:
		s.fleet.Idle(now, a.ID)
	case provisioner.End:
		s.fleet.Ended(now, a.ID)
	case provisioner.List:
		var all []provisioner.Found
		for _, vm := range s.fleet.VMs() {
			all = append(all, provisioner.Found{ID: vm.ID, Token: vm.Token, Stages: vm.Key.Stages})
		}
		s.fleet.Found(now, all...)
	}
}

// boot is how long VMs of a kind take to serve.
func (l *Loop) boot(k provisioner.Key) time.Duration {
	for _, g := range l.groups {
		for _, o := range g.Offers {
			if o.Stages == k.Stages && o.Offer.Name == k.Offer {
				return o.Boot
			}
		}
	}
	return 0
}

// reckon adds what the requests have cost since the last time.
func (s *Shadow) reckon(now time.Duration, seen Seen) {
	length := (now - s.at).Seconds()
	s.at = now
	s.bill.Seconds += length
	if len(seen.Counts) > 0 {
		s.bill.Requests += total(seen.Counts[0])
	}
	for k, dollars := range s.elsewhere[:min(len(s.elsewhere), len(seen.Counts))] {
		cost := total(seen.Counts[k]) * dollars
		s.bill.Alone, s.bill.Functions, s.bill.Fixed = s.bill.Alone+cost, s.bill.Functions+cost, s.bill.Fixed+cost
	}
	for i := range s.loop.groups {
		g := &s.loop.groups[i]
		o := g.Offers[0]
		if o.Stages.First >= len(seen.Counts) || length == 0 {
			continue
		}
		requests := total(seen.Counts[o.Stages.First])
		alone := requests * o.PerRequest
		left := func(vms int) float64 { return alone * (1 - share(o.Economics, vms, requests/length)) }
		serving := 0.0
		for j := range g.Offers {
			serving += float64(s.fleet.Standing(now, g.wants(j, 0)).Ready) * g.worth(j)
		}
		s.bill.Alone += alone
		s.bill.Functions += left(int(serving + few))
		s.bill.Fixed += left(o.VMs) + float64(o.VMs)*o.PerSecond*length
	}
}

// share is what VMs carry of a rate.
func share(e policy.Economics, vms int, rate float64) float64 {
	carried := e.Carried
	if carried == nil {
		carried = policy.Fluid{Rate: e.Saturation}
	}
	if vms == 0 || rate == 0 {
		return 0
	}
	return min(max(carried.Share(vms, rate), 0), 1)
}
