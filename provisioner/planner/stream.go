package planner

import (
	"math/rand/v2"
	"time"
)

// stream is the requests of a trial: when they come, at random, and how deep they go.
type stream struct {
	gaps   []float64 // seconds
	depths []int32
	next   int
	at     float64
}

// newStream draws requests of which some count. Those that count bring, taken together, just the
// work that is expected of so many: what VMs carry follows the work that comes so closely that the
// chance in it would hide the rest.
func (t *trial) newStream(rate float64, lead, count int, r *rand.Rand) *stream {
	s := &stream{gaps: make([]float64, lead+count), depths: make([]int32, lead+count)}
	seconds, work, expected := 0.0, 0.0, float64(t.vm.Slots)/t.rate
	for i := range s.gaps {
		s.gaps[i], s.depths[i] = r.ExpFloat64(), t.depth(r)
		if i >= lead {
			seconds += s.gaps[i]
			work += t.work[s.depths[i]]
		}
	}
	for i := range s.gaps {
		s.gaps[i] *= work / (expected * seconds) / rate
	}
	return s
}

// depth draws the stage at which a request leaves the model.
func (t *trial) depth(r *rand.Rand) (s int32) {
	for u := r.Float64(); u < t.goOn[s]; s++ { // nobody goes on behind the last
		u /= t.goOn[s]
	}
	return s
}

// take is the next request. Behind the last come the first again.
func (s *stream) take() (at time.Duration, depth int32) {
	i := s.next % len(s.gaps)
	s.next++
	s.at += s.gaps[i]
	return time.Duration(s.at * float64(time.Second)), s.depths[i]
}
