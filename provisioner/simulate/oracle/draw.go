package oracle

import (
	"errors"
	"fmt"
	"time"

	"github.com/serflow/serflow-go/provisioner/control"
)

// ErrDraw marks requests or offers that nothing can be said of.
var ErrDraw = errors.New("bad question to an oracle")

// Draw is the requests of a run, counted in steps of Step. After its last Add it is only read, and may
// then be shared.
type Draw struct {
	stages   int
	slo      time.Duration
	all      []int32 // by step and exit
	late     []int32 // of those, in the last slo%Step of their step
	requests int
}

// Step is the time between two ticks of a control loop.
const Step = control.DefaultEvery

// NewDraw returns an empty draw, of a model of so many stages whose requests are to be answered
// within slo. simulate.Scenario.Requests has what to Add. The error wraps ErrDraw.
func NewDraw(stages int, slo time.Duration) (*Draw, error) {
	if stages < 1 || slo <= 0 || slo > 24*time.Hour {
		return nil, fmt.Errorf("%w: %d stages and an SLO of %v: give a stage or more, and an SLO of at most a day, for who may wait for ever pays next to nothing", ErrDraw, stages, slo)
	}
	return &Draw{stages: stages, slo: slo}, nil
}

// Add counts a request that comes at a time from 0 and would leave at a stage. They may come in any order.
func (d *Draw) Add(at time.Duration, exit int) {
	step := int(at / Step)
	for need := (step + 1) * d.stages; len(d.all) < need; {
		d.all, d.late = append(d.all, 0), append(d.late, 0)
	}
	d.all[step*d.stages+exit]++
	if Step-at%Step <= d.slo%Step {
		d.late[step*d.stages+exit]++
	}
	d.requests++
}

// Requests is how many there are.
func (d *Draw) Requests() int { return d.requests }

func (d *Draw) steps() int { return len(d.all) / d.stages }

// reached is the requests of a step that get as far as a stage.
func (d *Draw) reached(step, stage int) (n int) {
	if step >= d.steps() {
		return 0
	}
	for _, x := range d.all[step*d.stages+stage : (step+1)*d.stages] {
		n += int(x)
	}
	return n
}

// together is no less than the requests that get to a stage and come within the SLO of each other.
func (d *Draw) together(stage int) (most int) {
	span := int((d.slo+Step-1)/Step) + 1 // steps that so long a time may touch
	sum := 0
	for i := range d.steps() {
		sum += d.reached(i, stage)
		if i >= span {
			sum -= d.reached(i-span, stage)
		}
		most = max(most, sum)
	}
	return most
}

// window is what is certain to be served within a window of so many steps, by exit: what comes so
// late that it may be in time in the next one is left out. Ended is no less than all that ends in it.
func (d *Draw) window(first, steps int) (certain []int, ended int) {
	certain = make([]int, d.stages)
	whole := int(d.slo / Step) // of its last steps nothing is certain
	for i := max(first-whole-1, 0); i < min(first+steps, d.steps()); i++ {
		left := first + steps - 1 - i
		for exit := range certain {
			n, late := int(d.all[i*d.stages+exit]), int(d.late[i*d.stages+exit])
			switch {
			case i < first && whole == 0:
				n = late
			case i >= first && left == whole:
				certain[exit] += n - late
			case i >= first && left > whole:
				certain[exit] += n
			}
			ended += n
		}
	}
	return certain, ended
}
