package compare

import (
	"math/rand/v2"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/provisioner/simulate"
)

const (
	keepAlive = 10 * time.Minute // that an idle instance of a function stays
	notice    = 2 * time.Minute  // before a spot VM is taken back
)

// world is a cloud that is as the profile says: boots and cold starts are drawn from what it lists.
type world struct {
	profile *profile.Document
	rand    *rand.Rand
	idle    [][]time.Duration // by function: since when each warm instance is; the last was used last
	running int
}

func newWorld(d *profile.Document, r *rand.Rand) *world { return &world{profile: d, rand: r} }

func (w *world) one(of profile.Samples) time.Duration {
	if len(of) == 0 {
		return 0
	}
	return of[w.rand.IntN(len(of))]
}

func (w *world) Launch(_ time.Duration, o provisioner.VMOffer, n int) simulate.Launch {
	l := simulate.Launch{VMs: make([]simulate.Life, n)}
	for i := range l.VMs {
		life := simulate.Life{Boot: w.one(w.profile.Offers[o.Name].Boot), Notice: simulate.Never, Lost: simulate.Never}
		if o.Market == provisioner.Spot && o.Interruptions > 0 {
			hours := min(w.rand.ExpFloat64()/o.Interruptions, 1e6)
			life.Notice = time.Duration(hours * float64(time.Hour))
			life.Lost = life.Notice + notice
		}
		l.VMs[i] = life
	}
	return l
}

func (w *world) Call(now time.Duration, function int, o provisioner.FunctionOffer) (cold time.Duration, ok bool) {
	for len(w.idle) <= function {
		w.idle = append(w.idle, nil)
	}
	if o.Concurrency > 0 && w.running >= o.Concurrency {
		return 0, false
	}
	w.running++
	warm := w.idle[function]
	if last := len(warm) - 1; last >= 0 && now-warm[last] < keepAlive {
		w.idle[function] = warm[:last]
		return 0, true
	}
	w.idle[function] = warm[:0] // those before it are idle for longer
	return w.one(w.profile.Offers[o.Name].Cold), true
}

func (w *world) Return(now time.Duration, function int) {
	w.running--
	w.idle[function] = append(w.idle[function], now)
}
