package oracle

import (
	"time"

	"github.com/serflow/serflow-go/provisioner/policy"
)

// OfflineOptimal knows every request of the run, and orders the VMs with which it costs least, of each
// of the groups that it is asked about by itself, in the model
//
//	P_v * (time from a VM's launch to its end, or Minimum) + c_f * (requests that VMs do not carry)
//
// with decisions every Step, VMs that serve after their boot, and requests taken to come evenly within
// a step. It plans when it is first asked, from the VMs that there are then, which serve at once.
//
// The n-th VM saves in each step what functions would cost for what n-1 carry less than n. When
// to have it is decided by itself: a dynamic programme over its steps. That is optimal where savings
// fall with n, for then the n-th is never there without the one before; where they do not, they are
// taken from the convex hull over n. It is the best only in this model: that a VM boots for longer
// than the mean, or carries less than its table says, comes as a surprise to it as well.
//
// One OfflineOptimal serves one run.
type OfflineOptimal struct {
	Draw    *Draw
	Minimum time.Duration // that a VM is billed for at least

	wants map[int][]int // VMs by step, of each group by its first stage
	from  int           // the step when it was first asked
}

// Name is OfflineOptimal.
func (*OfflineOptimal) Name() string { return "OfflineOptimal" }

// Decide orders what was planned for now.
func (p *OfflineOptimal) Decide(now time.Duration, o policy.Observation) policy.Decision {
	step := int(now / Step)
	if p.wants == nil {
		p.wants, p.from = map[int][]int{}, step
	}
	d := policy.Decision{Groups: make([]policy.Order, len(o.Groups))}
	for i, g := range o.Groups {
		wants, ok := p.wants[g.Stages.First]
		if !ok {
			wants, _ = p.plan(g, step)
			p.wants[g.Stages.First] = append(make([]int, step-p.from), wants...)
		}
		n := 0
		if k := step - p.from; k < len(wants) {
			n = wants[k]
		}
		n = max(min(max(n, g.Min), g.Max), 0)
		d.Groups[i] = policy.Order{VMs: float64(n), Why: policy.Reason{Rule: "known in advance", Rate: p.rate(step, g), Price: 3600 * g.PerSecond}}
	}
	return d
}

func (p *OfflineOptimal) rate(step int, g policy.Group) float64 {
	return float64(p.Draw.reached(step, g.Stages.First)) / Step.Seconds()
}

// plan is the VMs of a group in each step from one on, and what that costs in the model.
func (p *OfflineOptimal) plan(g policy.Group, from int) (wants []int, dollars float64) {
	s := newSavings(g)
	steps := max(p.Draw.steps()-from, 0)
	each := make([][]float64, steps)
	for k := range each {
		each[k] = s.at(p.Draw.reached(from+k, g.Stages.First))
		dollars += s.perRequest * float64(p.Draw.reached(from+k, g.Stages.First))
	}
	l := level{
		rent: g.PerSecond * Step.Seconds(), boot: stepsOf(g.Boot), least: stepsOf(p.Minimum), saves: make([]float64, steps),
	}
	wants = make([]int, steps)
	for n := 1; n <= g.Max; n++ {
		for k := range each {
			l.saves[k] = 0
			if n <= len(each[k]) {
				l.saves[k] = each[k][n-1]
			}
		}
		l.there = n <= g.Ready+g.Booting
		cost, any := l.solve(wants)
		if !any && !l.there {
			break
		}
		dollars += cost
	}
	return wants, dollars
}

// stepsOf is how many steps a time takes.
func stepsOf(d time.Duration) int { return int((d + Step - 1) / Step) }

// alone is what a request costs where no function serves, over its part of a VM's price: so much that
// none is left out.
const alone = 1e3

// savings is what VMs save in a step, by requests and number of VMs.
type savings struct {
	group      policy.Group
	carried    policy.Carried
	perRequest float64
	known      map[int][]float64
}

func newSavings(g policy.Group) *savings {
	s := &savings{group: g, carried: g.Carried, perRequest: g.PerRequest, known: map[int][]float64{}}
	if s.carried == nil {
		s.carried = policy.Fluid{Rate: g.Saturation}
	}
	if s.perRequest == 0 { // no function takes over
		s.perRequest = alone * g.PerSecond / g.Saturation
	}
	return s
}

// at is what each VM more saves, with so many requests: of thrice as many VMs as could carry them.
func (s *savings) at(requests int) []float64 {
	if saves, ok := s.known[requests]; ok {
		return saves
	}
	rate := float64(requests) / Step.Seconds()
	var hull []run
	left := rate
	most := min(s.group.Max, int(3*rate/s.group.Saturation)+8)
	for n := 1; n <= most && left > 0; n++ {
		lost := rate * (1 - min(max(s.carried.Share(n, rate), 0), 1))
		next := run{1, (left - lost) * s.perRequest * Step.Seconds()}
		left = lost
		for i := len(hull) - 1; i >= 0 && hull[i].each() <= next.each(); i-- {
			next = run{next.vms + hull[i].vms, next.saves + hull[i].saves}
			hull = hull[:i]
		}
		hull = append(hull, next)
	}
	saves := []float64{}
	for _, r := range hull {
		for range r.vms {
			saves = append(saves, r.each())
		}
	}
	s.known[requests] = saves
	return saves
}

// run is VMs that save alike.
type run struct {
	vms   int
	saves float64
}

func (r run) each() float64 { return r.saves / float64(r.vms) }
