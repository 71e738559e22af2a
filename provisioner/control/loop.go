package control

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/estimate"
	"github.com/serflow/serflow-go/provisioner/policy"
)

// Loop is the control loop of one pipeline. It is not safe for concurrent use.
type Loop struct {
	config  Config
	groups  []group
	next    time.Duration
	adopted bool // what was there has been taken over
	opened  time.Duration
	begun   bool // there has been a request, or there need not be one
	heard   time.Duration
	usual   usual
	said    map[string]string // what is said now, by what it is about
}

// group is a group and what is wanted of it.
type group struct {
	Group
	want     int // VMs of the first offer
	restored bool
	order    policy.Order
}

// Seen is what a driver has seen since the last tick.
type Seen struct {
	// Wall is the time since an origin that stays the same when the program starts again, such
	// as the Unix epoch. It is the policy's time, and Counts go by its seconds.
	Wall time.Duration
	// Counts has, for each stage of the model, the requests that got there, in each second that
	// has ended. Those of the first stage are all arrivals.
	Counts []estimate.Counts
	// Calls has, in the same way, how often functions were called for a stage, hedges left out. Nil if that is not known.
	Calls []estimate.Counts
}

// New returns a loop. Its error wraps ErrConfig.
func New(c Config) (*Loop, error) {
	c = c.withDefaults()
	if err := c.validate(); err != nil {
		return nil, err
	}
	l := &Loop{config: c, said: map[string]string{}}
	l.groups = newGroups(c.Groups)
	return l, nil
}

func newGroups(groups []Group) (all []group) {
	for _, g := range groups {
		all = append(all, group{Group: g, want: g.Offers[0].VMs})
	}
	return all
}

// Kinds are all VMs that the loop may want, with how many it begins with.
func (l *Loop) Kinds() (kinds []provisioner.VMGroup) {
	for _, g := range l.groups {
		for i, o := range g.Offers {
			if i > 0 {
				o.VMs = 0
			}
			kinds = append(kinds, o.VMGroup)
		}
	}
	return kinds
}

// Policy is the name of what decides.
func (l *Loop) Policy() string { return l.config.Policy.Name() }

// Next is when the next tick is due, once the fleet has listed its VMs.
func (l *Loop) Next() time.Duration { return l.next }

// Due tells whether Tick is to be called: as soon as the fleet knows what there is, before it
// ends any of that, and then at Next.
func (l *Loop) Due(now time.Duration, f *provisioner.Fleet) bool {
	return f.Listed() && (!l.adopted || now >= l.next)
}

// Tick decides, tells the fleet what is wanted, and says what has changed.
func (l *Loop) Tick(now time.Duration, f *provisioner.Fleet, s Seen) (lines []Line) {
	l.next = now + l.config.Every
	if !l.adopted {
		l.adopted, l.heard, l.opened = true, now, now
		lines = l.adopt(now, f)
	} else if s = l.begin(now, s); l.news(now, s, &lines) {
		lines = append(lines, l.decide(now, f, s)...)
	}
	return append(lines, l.rent(now, f)...)
}

// adopt begins with what is there if that is more than the plan says: it may be needed, and what
// is not will soon be found to be too much. What a predecessor wanted comes before both.
func (l *Loop) adopt(now time.Duration, f *provisioner.Fleet) (lines []Line) {
	for i := range l.groups {
		g := &l.groups[i]
		there := int(g.alive(now, f) + 1e-6)
		from := g.want
		if !g.restored {
			g.want = max(g.want, there)
		}
		g.want = min(max(g.want, g.Min), l.config.most(g.Group))
		if there > 0 {
			lines = append(lines, g.line(from, fmt.Sprintf("adopted: %d are there", there)))
		}
	}
	return lines
}

// quiet is after how long without counts that is said.
const quiet = time.Minute

// news tells whether there are counts to decide by.
func (l *Loop) news(now time.Duration, s Seen, lines *[]Line) bool {
	for _, c := range s.Counts {
		if slices.ContainsFunc(c.Each, func(n int) bool { return n >= 0 }) {
			l.heard = now
		}
	}
	if l.heard == now {
		l.watch(s)
	}
	if now-l.heard > quiet && l.begun {
		l.say(lines, "counts", "no counts have come for a minute: the fleet keeps what it has")
	} else {
		l.say(lines, "counts", "")
	}
	return l.heard == now
}

// decide asks the policy.
func (l *Loop) decide(now time.Duration, f *provisioner.Fleet, s Seen) (lines []Line) {
	o := l.observe(s)
	l.called(now, f, s, &o)
	asked := o
	asked.Groups = slices.Clone(o.Groups) // what a policy does to it is not held to it
	d, err := l.ask(s.Wall, asked)
	if err == nil {
		d, err = policy.Check(l.Policy(), o, d)
	} else {
		d, _ = policy.Check(l.Policy(), o, policy.Decision{})
	}
	what := ""
	if err != nil {
		what = err.Error() + ": the fleet keeps what it has"
	}
	l.say(&lines, "policy", what)
	for i, order := range d.Groups {
		g := &l.groups[i]
		from := g.want
		g.want, g.order = int(order.VMs), order
		if g.want != from {
			lines = append(lines, g.line(from, order.Why.String()))
		}
	}
	return lines
}

// ask has a policy that panics decide nothing.
func (l *Loop) ask(wall time.Duration, o policy.Observation) (d policy.Decision, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: policy %s has panicked: %v", policy.ErrDecision, l.Policy(), p)
		}
	}()
	return l.config.Policy.Decide(wall, o), nil
}

// observe is what the policy is told. All that is wanted is there or will be: the fleet sees to
// that, and a policy that were told of each loss would order what is ordered already.
func (l *Loop) observe(s Seen) policy.Observation {
	var o policy.Observation
	at := func(stage int) (c estimate.Counts) {
		if stage < len(s.Counts) {
			c = s.Counts[stage]
		}
		return c
	}
	o.Arrivals = at(0)
	all := total(o.Arrivals)
	for _, g := range l.groups {
		stages := g.Offers[0].Stages
		counts := at(stages.First)
		reach := 1.0
		if all > 0 {
			reach = min(total(counts)/all, 1)
		}
		o.Groups = append(o.Groups, policy.Group{
			Stages: stages, Counts: counts, Reach: reach, Ready: g.want,
			Min: g.Min, Max: l.config.most(g.Group), Economics: g.Offers[0].Economics,
		})
	}
	return o
}

// called adds what functions were called for, and beside how many VMs.
func (l *Loop) called(now time.Duration, f *provisioner.Fleet, s Seen, o *policy.Observation) {
	for i := range l.groups {
		g, seen := &l.groups[i], &o.Groups[i]
		for stage := seen.Stages.First; stage <= seen.Stages.Last && stage < len(s.Calls); stage++ {
			seen.Called += int(total(s.Calls[stage]))
			seen.Serving = g.serving(now, f)
		}
	}
}

func total(c estimate.Counts) (sum float64) {
	for _, n := range c.Each {
		sum += float64(max(n, 0))
	}
	return sum
}

// Ration is how many requests of each second VMs of the group that begins with a stage may have;
// infinite if the policy leaves that to the balancer.
func (l *Loop) Ration(first int) float64 {
	for _, g := range l.groups {
		if g.Offers[0].Stages.First == first && g.order.Rationed {
			return g.order.Ration
		}
	}
	return math.Inf(1)
}
