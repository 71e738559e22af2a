package drift

import (
	"slices"
	"time"
)

// Rate is what has been seen at a stage of late.
type Rate struct {
	Reach float64 // share of all requests that got to the stage
	Exit  float64 // share of these that left there
}

// Rates is one for each stage: an exponentially weighted mean over the requests, with the time
// constant Memory. It holds zeros as long as no request has been seen in a slice that has ended.
func (m *Monitor) Rates() []Rate {
	rates := make([]Rate, len(m.decayed))
	left := sum(m.decayed)
	if left == 0 {
		return rates
	}
	total := left
	for k, n := range m.decayed {
		rates[k].Reach = max(left/total, 0)
		if left > 0 {
			rates[k].Exit = min(n/left, 1)
		}
		left -= n
	}
	return rates
}

// Expected is the reach of each stage that the traffic is compared with, or nil while it is being learned.
func (m *Monitor) Expected() []float64 { return slices.Clone(m.expected) }

// Alarms are the drifts that go on, by stage. A drift at one stage moves the reach of those
// behind it as well.
func (m *Monitor) Alarms() []Alarm {
	var alarms []Alarm
	for _, w := range m.stages {
		if w.alarmed {
			alarms = append(alarms, w.alarm)
		}
	}
	return alarms
}

// Accept makes what comes from now on the reference, from a new warm-up: for when the drift is
// known and here to stay, or the exits have been changed. Alarms end.
func (m *Monitor) Accept(now time.Duration) {
	m.Tick(now)
	m.expected, m.stages, m.warming = nil, nil, 0
	clear(m.learned)
	clear(m.counts)
	clear(m.decayed)
}

// reach is the share that gets to each stage, from counts or shares of where requests leave.
func reach(exits []float64) []float64 {
	out := make([]float64, len(exits))
	total := sum(exits)
	left := total
	for k, n := range exits {
		out[k] = min(max(left/total, 0), 1)
		left -= n
	}
	return out
}

func sum(list []float64) (total float64) {
	for _, x := range list {
		total += x
	}
	return total
}
