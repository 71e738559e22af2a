package balancer

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/serflow/serflow-go/stage"
)

// groupKey says which members are alike: what is learnt of the tail of one's visits holds
// for all.
type groupKey struct {
	kind   Kind
	stages stage.Range
}

// group is what is learnt of members that are alike.
type group struct {
	views []groupView // by core
}

// groupView fills a cache line.
type groupView struct {
	tail    atomic.Uint64 // of float64: see learnTail
	caution atomic.Uint64 // of float64: see learnMiss
	passes  atomic.Uint64 // of float64: share of the requests that go on behind the group
	rest    atomic.Int64  // what those take that go on
	looked  atomic.Int64  // when that was looked up
	deeper  atomic.Uint64 // of float64: how much more than expected requests take for the stages that they go through
	visits  atomic.Uint32 // of which the tail has been learnt, up to enough of them
	doubts  atomic.Uint64 // of float64: see learnDoubt
}

func (b *Balancer) groupOf(m *member) *group {
	key := groupKey{m.Kind, m.Stages}
	g := b.groups[key]
	if g == nil {
		g = &group{views: make([]groupView, b.cores)}
		for i := range g.views {
			g.views[i].tail.Store(math.Float64bits(1))
			g.views[i].caution.Store(math.Float64bits(1))
			g.views[i].doubts.Store(math.Float64bits(leastDoubt))
			g.views[i].deeper.Store(math.Float64bits(1))
		}
		b.groups[key] = g
	}
	return g
}

// tailQuantile is the one that is tracked of how long visits take, compared with what they
// seldom exceed.
const tailQuantile = 0.99

// The tail is followed by steps of a few per cent: up by each visit that exceeds it, down
// by each that does not, so that they balance at the quantile (stochastic approximation:
// Robbins and Monro, 1951). No single visit says much, and no measure is kept.
const (
	tailStep            = 0.05
	tailLeast, tailMost = 0.1, 100
	tailUp, tailDown    = 1 + tailStep*tailQuantile, 1 - tailStep*(1-tailQuantile)
)

// passSmoothing is the weight of one request in the share that goes on; a share below
// passLeast is none.
const passSmoothing, passLeast = 0.02, 1e-3

// seasoned is how many visits a tail is known after.
const seasoned = 200

// serves tells whether a group has served any request.
func (g *group) serves() bool {
	for i := range g.views {
		if g.views[i].visits.Load() > 0 {
			return true
		}
	}
	return false
}

// learnTail takes in whether a visit has exceeded the tail.
func (v *groupView) learnTail(took, latest time.Duration) {
	if n := v.visits.Load(); n < seasoned {
		v.visits.Store(n + 1)
	}
	tail := math.Float64frombits(v.tail.Load())
	v.tail.Store(math.Float64bits(min(max(step(tail, float64(took) > tail*float64(latest)), tailLeast), tailMost)))
}

// step moves a quantile towards what has been seen.
func step(quantile float64, exceeded bool) float64 {
	if exceeded {
		return quantile * tailUp
	}
	return quantile * tailDown
}

// cautionStep is small, since those that were sent before the first one was late are late too.
const cautionStep = 0.01

// mostCaution leaves VMs some requests to learn from, whatever has happened.
const mostCaution = 8

// learnMiss takes in whether a request was late at a VM that was taken to be in time. What is
// expected of busy VMs is multiplied by the caution, until no more than the share that may be is.
func (v *groupView) learnMiss(missed bool, share float64) {
	old := v.cautious()
	next := old * (1 - cautionStep*share)
	if missed {
		next = old * (1 + cautionStep*(1-share))
	}
	if next = min(max(next, 1), mostCaution); next != old {
		v.caution.Store(math.Float64bits(next))
	}
}

func (v *groupView) cautious() float64 { return math.Float64frombits(v.caution.Load()) }

// depthSmoothing is the weight of one request in how deep they go: some of them go deep
// together, but the next are as likely not to.
const depthSmoothing = 0.01

// learnDepth takes in the expected time of a request's stages over that of any request's.
func (v *groupView) learnDepth(ratio float64) {
	if old := v.depth(); ratio != old {
		v.deeper.Store(math.Float64bits(old + depthSmoothing*(ratio-old)))
	}
}

func (v *groupView) depth() float64 { return math.Float64frombits(v.deeper.Load()) }

// learnPass takes in whether a request goes on behind the group. Of a group that ends the
// model nothing is written.
func (v *groupView) learnPass(passed bool) {
	old, x := v.passed(), 0.0
	if passed {
		x = 1
	} else if old < passLeast {
		return
	}
	v.passes.Store(math.Float64bits(old + passSmoothing*(x-old)))
}

// passed is the share of the requests that go on behind the group.
func (v *groupView) passed() float64 { return math.Float64frombits(v.passes.Load()) }

// view is what the place's core knows of its group.
func (p *Place) view() *groupView { return &p.member.group.views[p.core] }

// surely is the time that a request takes at a place but for one in a hundred, as far as that
// is known.
func (p *Place) surely() time.Duration {
	if int(p.hand) < p.member.Slots {
		return p.alone
	}
	return p.cautiously(p.latest())
}

// cautiously is what is expected of a busy place, as far as such expectations have held.
func (p *Place) cautiously(d time.Duration) time.Duration {
	return duration(p.view().cautious() * float64(d))
}

// tail is the place's latest time, as visits to its group have shown it.
func (p *Place) tail() time.Duration {
	return duration(float64(p.latest()) * math.Float64frombits(p.view().tail.Load()))
}
