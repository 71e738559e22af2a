package profile

import "time"

// Mean is the mean of what Draw returns, to the nanosecond.
func (p *Profile) Mean(stage, rows int) time.Duration {
	m := p.mix(stage, rows)
	return duration(m.x*m.a.mean + m.y*m.b.mean)
}

// Quantile is the time that a share q, from 0 to 1, of batches does not exceed: the
// longest one measured at 1.
func (p *Profile) Quantile(stage, rows int, q float64) time.Duration {
	m := p.mix(stage, rows)
	ns := m.x * m.a.quantile(q)
	if m.y > 0 {
		ns += m.y * m.b.quantile(q)
	}
	return duration(ns)
}

// mix is x times the times of one measured size plus y times those of another.
type mix struct {
	a, b *size
	x, y float64
}

// mix says how the times for any number of rows follow from what was measured.
func (p *Profile) mix(stage, rows int) mix {
	sizes := p.stages[stage]
	i := 0
	for i < len(sizes)-1 && sizes[i].Rows < rows {
		i++
	}
	s := &sizes[i]
	switch {
	case rows > s.Rows:
		return mix{a: s, b: s, x: growth(sizes, rows)}
	case rows == s.Rows || i == 0:
		return mix{a: s, b: s, x: 1}
	}
	before := &sizes[i-1]
	y := float64(rows-before.Rows) / float64(s.Rows-before.Rows)
	return mix{a: before, b: s, x: 1 - y, y: y}
}

// growth is the mean time of more rows than were measured over that of the largest size.
func growth(sizes []size, rows int) float64 {
	last := sizes[len(sizes)-1]
	var before size // no rows in no time
	if len(sizes) > 1 {
		before = sizes[len(sizes)-2]
	}
	perRow := max((last.mean-before.mean)/float64(last.Rows-before.Rows), 0)
	return 1 + perRow*float64(rows-last.Rows)/last.mean
}

// quantile is in nanoseconds.
func (s *size) quantile(q float64) float64 {
	at, last := q*float64(len(s.Samples))-0.5, len(s.Samples)-1
	switch {
	case !(at > 0):
		return float64(s.Samples[0])
	case at >= float64(last):
		return float64(s.Samples[last])
	}
	i := int(at)
	x := float64(s.Samples[i])
	return x + (at-float64(i))*(float64(s.Samples[i+1])-x)
}
