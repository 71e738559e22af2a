// Package drift keeps count of where requests leave a model, and says when that has changed:
// when the share of requests that reach a stage is no longer what the plan, its
// prices and its machines were reckoned for.
//
// It is plain state: it takes counts and the time, starts no goroutine, reads no clock and
// does no I/O. Times are durations since an origin of the driver's choice, and never go back.
//
// A steady reach is no proof that answers are right: see package watch for that.
package drift

import (
	"math"
	"slices"
	"time"
)

// Monitor is the exits of one model. It is not safe for concurrent use. Where a lock for
// each request is too dear, count in atomics and hand over the counts now and then.
type Monitor struct {
	config  Config
	counts  []float64     // of the slice, by the stage at which requests left
	until   time.Duration // end of the slice
	started bool
	decayed []float64 // counts of the past, forgotten at the rate of Memory

	expected []float64 // reach of each stage; nil while it is being learned
	learned  []float64 // counts of the warm-up
	warming  time.Duration

	stages []watched // of stages 1 and up; all requests reach stage 0
}

// Alarm is a drift that goes on.
type Alarm struct {
	Stage    int           // counted from 0; the first that drifts is where to look
	Expected float64       // share of requests that reach it, of the reference
	Seen     float64       // the same, from the time at which the drift seems to have begun until the alarm
	Since    time.Duration // when it was raised
}

// New is a monitor that has seen nothing.
func New(config Config) (*Monitor, error) {
	c, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	m := &Monitor{config: c, counts: make([]float64, c.Stages), decayed: make([]float64, c.Stages), learned: make([]float64, c.Stages)}
	if c.Reference != nil {
		m.expect(c.Reference)
	}
	return m, nil
}

// expect takes counts of exits, or their shares, as the reference.
func (m *Monitor) expect(exits []float64) { m.expectReach(reach(exits)) }

func (m *Monitor) expectReach(reach []float64) {
	m.expected = slices.Clone(reach)
	m.stages = make([]watched, m.config.Stages)
	for k := range m.stages[1:] {
		expected, allowance := m.expected[k+1], m.config.Allowance/100
		m.stages[k+1] = watched{above: newTest(expected, allowance), below: newTest(expected, -allowance)}
	}
}

// Add counts n requests that left at a stage, counted from 0. It tells whether an alarm has begun or
// ended. Requests without an answer are not to be counted. A stage that the model does
// not have, and an n below 1, are ignored.
func (m *Monitor) Add(now time.Duration, stage, n int) (changed bool) {
	if now >= m.until {
		changed = m.Tick(now)
	}
	if stage >= 0 && stage < len(m.counts) && n > 0 {
		m.counts[stage] += float64(n)
	}
	return changed
}

// Tick looks at the time, as Add does, for when no requests come: Add alone is enough
// otherwise. It tells whether an alarm has begun or ended.
func (m *Monitor) Tick(now time.Duration) (changed bool) {
	if !m.started {
		m.started, m.until = true, now+m.config.Slice
	}
	if now < m.until {
		return false
	}
	changed = m.look(now)
	elapsed := now - m.until + m.config.Slice
	keep := math.Exp(-float64(elapsed) / float64(m.config.Memory))
	for k, n := range m.counts {
		m.decayed[k] = m.decayed[k]*keep + n
		m.counts[k] = 0
	}
	m.until = now + m.config.Slice
	return changed
}

// look is at a slice that has ended.
func (m *Monitor) look(now time.Duration) (changed bool) {
	total := sum(m.counts)
	if total == 0 {
		return false
	}
	if m.expected == nil {
		m.learn()
		return false
	}
	reached := total
	for k := range m.stages[1:] {
		reached -= m.counts[k]
		if m.stages[k+1].look(Tally{reached, total}, m.config) {
			changed = true
			m.stages[k+1].alarm.Stage = k + 1
			m.stages[k+1].alarm.Expected = m.expected[k+1]
			m.stages[k+1].alarm.Since = now
		}
	}
	return changed
}

// learn takes the slice into the warm-up. Slices without requests do not count.
func (m *Monitor) learn() {
	m.warming += m.config.Slice
	for k, n := range m.counts {
		m.learned[k] += n
	}
	if m.warming >= warmUp && sum(m.learned) >= m.config.warmUpRequests() {
		m.expect(m.learned)
	}
}
