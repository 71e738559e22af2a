package profile

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// Merge is what both documents know, of the same model: of each stage and batch size on an offer all
// samples. Samples replace what was written by hand of a stage; of other numbers that both have, those
// of the offer that was measured last count, and of reach and bytes those of other. Neither is changed.
// The error is a *FieldError.
func (d *Document) Merge(other *Document) (*Document, error) {
	if other == nil {
		return d, nil
	}
	for _, x := range []*Document{d, other} {
		if err := x.Check(); err != nil {
			return nil, err
		}
	}
	switch {
	case d.Fingerprint != "" && other.Fingerprint != "" && d.Fingerprint != other.Fingerprint:
		return nil, &FieldError{Field: "fingerprint", Problem: fmt.Sprintf("one is of model %.12s and one of %.12s", d.Fingerprint, other.Fingerprint), Remedy: "merge documents of the same model"}
	case !slices.Equal(d.Stages, other.Stages):
		return nil, &FieldError{Field: "stages", Problem: fmt.Sprintf("%q and %q", d.Stages, other.Stages), Remedy: "merge documents of the same model"}
	}
	m := *d
	m.Model, m.Fingerprint = cmp.Or(d.Model, other.Model), cmp.Or(d.Fingerprint, other.Fingerprint)
	m.Reach, m.Bytes = cmp.Or(other.Reach, d.Reach), cmp.Or(other.Bytes, d.Bytes)
	m.Offers = maps.Clone(d.Offers)
	if m.Offers == nil {
		m.Offers = map[string]*Offer{}
	}
	for name, o := range other.Offers {
		both := o
		if mine := m.Offers[name]; mine != nil {
			var e *FieldError
			if both, e = mine.merge(o); e != nil {
				e.Offer = name
				return nil, e
			}
		}
		m.Offers[name] = both
	}
	return &m, nil
}

func (o *Offer) merge(other *Offer) (*Offer, *FieldError) {
	older, newer := o, other
	if other.Measured.Before(o.Measured) {
		older, newer = other, o
	}
	if o.Slots != 0 && other.Slots != 0 && o.Slots != other.Slots {
		return nil, &FieldError{Field: "slots", Problem: fmt.Sprintf("%d and %d", o.Slots, other.Slots), Remedy: "merge what was measured with as many batches at once"}
	}
	m := &Offer{
		Measured: newer.Measured, Slots: cmp.Or(o.Slots, other.Slots), Boot: slices.Concat(o.Boot, other.Boot), Cold: slices.Concat(o.Cold, other.Cold),
		Overhead: cmp.Or(newer.Overhead, older.Overhead), Way: cmp.Or(newer.Way, older.Way), MemoryMB: cmp.Or(newer.MemoryMB, older.MemoryMB),
		Times: slices.Clone(o.Times),
	}
	for _, t := range other.Times {
		i := slices.IndexFunc(m.Times, func(mine StageTimes) bool { return mine.Stage == t.Stage })
		if i < 0 {
			m.Times = append(m.Times, t)
			continue
		}
		var e *FieldError
		if m.Times[i], e = m.Times[i].merge(t); e != nil {
			e.Stage = t.Stage
			return nil, e
		}
	}
	return m, nil
}

// measured tells whether all of a stage's times are.
func (t *StageTimes) measured() bool {
	return len(t.Batches) > 0 && !slices.ContainsFunc(t.Batches, func(b BatchTimes) bool { return len(b.Samples) == 0 })
}

func (t StageTimes) merge(other StageTimes) (StageTimes, *FieldError) {
	switch mine, theirs := t.measured(), other.measured(); {
	case mine && !theirs:
		return t, nil
	case theirs && !mine:
		return other, nil
	case !mine && !reflect.DeepEqual(t, other):
		return t, &FieldError{Field: "times", Problem: "both are by hand, and not the same", Remedy: "leave one out"}
	case !mine:
		return t, nil
	}
	m := StageTimes{Stage: t.Stage, Gain: cmp.Or(other.Gain, t.Gain)}
	for _, b := range slices.Concat(t.Batches, other.Batches) {
		i, found := slices.BinarySearchFunc(m.Batches, b.Rows, func(b BatchTimes, rows int) int { return b.Rows - rows })
		if !found {
			m.Batches = slices.Insert(m.Batches, i, BatchTimes{Rows: b.Rows})
		}
		m.Batches[i].Samples = slices.Concat(m.Batches[i].Samples, b.Samples)
	}
	if len(m.Batches) > 1 {
		m.Gain = 0 // it was of single rows, before the others were measured
	}
	return m, nil
}
