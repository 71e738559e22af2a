package policy

import (
	"math"

	"github.com/serflow/serflow-go/provisioner/estimate"
)

// load is how much more loaded a group's VMs are than what they carry was measured at, as the functions
// beside them show: requests that go deep come together, traffic has bursts within a second, and
// VMs are not always as fast as in their profile. What VMs carry is looked up at a rate that is By times the real one: at that
// By at which as many calls of functions are expected as are seen.
//
// Both are averages over some minutes, and By follows their difference in small steps (stochastic approximation:
// Robbins and Monro, 1951). It is never below 1: a plan is not made bolder by quiet hours.
type load struct {
	By       float64 `json:"by"`
	Called   float64 `json:"called"`   // calls of functions per second
	Expected float64 `json:"expected"` // of those
}

const (
	loadMemory = 300.0      // seconds
	loadStep   = 1.0 / 2000 // of By, for each second
	mostLoad   = 3.0
	fewCalls   = 1.0 / 2000 // of the requests: fewer are as good as none
)

// by is By, 1 at first.
func (l *load) by() float64 { return max(l.By, 1) }

// possible tells whether counts can have led to it.
func (l *load) possible() bool {
	return l.By >= 0 && l.By <= mostLoad && l.Called >= 0 && l.Expected >= 0
}

// observe takes in what has come since the last tick, where rates are reckoned with: those that overflow is weighed at.
func (l *load) observe(g Group, rates estimate.Rates) {
	seconds, came := 0.0, 0.0
	for _, n := range g.Counts.Each {
		if n >= 0 {
			seconds, came = seconds+1, came+float64(n)
		}
	}
	if g.Serving == 0 || came == 0 || g.PerRequest == 0 || g.odd() {
		return
	}
	g.Carried = loaded{g.carried(), l.by()}
	c := newCost(g, rates, 0)
	expected, _ := c.lost(g.Serving)
	weight := min(seconds/loadMemory, 1)
	l.Called += weight * (float64(g.Called)/seconds - l.Called)
	l.Expected += weight * (expected - l.Expected)
	off := (l.Called - l.Expected) / (l.Called + l.Expected + fewCalls*came/seconds)
	l.By = min(max(l.by()*math.Exp(loadStep*seconds*off), 1), mostLoad)
}

// loaded is what VMs carry under that load.
type loaded struct {
	Carried
	by float64
}

func (l loaded) Share(vms int, rate float64) float64 { return l.Carried.Share(vms, rate*l.by) }
