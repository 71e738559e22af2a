package profile

import (
	"fmt"
	"time"
)

// mostRows is larger than any batch that is meant.
const mostRows = 1 << 20

// sizes are an entry's batch sizes as a Profile has them, or what is wrong with it.
func (t *StageTimes) sizes() (sizes []Batch, e *FieldError) {
	batches := t.Batches
	switch {
	case len(batches) == 0:
		batches = []BatchTimes{{Rows: 1, Spread: t.Spread}}
	case t.Spread != (Spread{}):
		return nil, &FieldError{Field: "batches", Problem: "there is also a mean beside them", Remedy: "leave one of both out: the mean is of batches of 1 row"}
	}
	for i, b := range batches {
		rows := 0
		if i > 0 {
			rows = batches[i-1].Rows
		}
		switch {
		case b.Rows <= rows || b.Rows > mostRows:
			return nil, &FieldError{Rows: b.Rows, Field: "rows", Problem: fmt.Sprintf("they come after those of %d", rows), Remedy: fmt.Sprintf("give each size once, the smallest first and none above %d", mostRows)}
		}
		samples, e := b.samples()
		if e != nil {
			e.Rows = b.Rows
			return nil, e
		}
		sizes = append(sizes, Batch{b.Rows, samples})
	}
	return t.gain(sizes)
}

// gain adds batches that gain by hand.
func (t *StageTimes) gain(sizes []Batch) ([]Batch, *FieldError) {
	switch {
	case t.Gain == 0:
		return sizes, nil
	case !(t.Gain > 0 && t.Gain <= gainRows):
		return nil, &FieldError{Field: "gain", Problem: fmt.Sprint(t.Gain), Remedy: fmt.Sprintf("give the throughput in batches of %d over that of single rows, above 0 and at most %d", gainRows, gainRows)}
	case len(sizes) > 1 || sizes[0].Rows > 1:
		return nil, &FieldError{Field: "gain", Problem: "there are batches beside it", Remedy: "leave one of both out"}
	}
	full := Batch{Rows: gainRows}
	for _, single := range sizes[0].Samples { // what lies between is on a line, as BatchGain has it
		full.Samples = append(full.Samples, min(duration(float64(single)*gainRows/t.Gain), longest))
	}
	return append(sizes, full), nil
}

// samples are sorted, or what is wrong with them.
func (b BatchTimes) samples() (Samples, *FieldError) {
	switch {
	case b.Samples == nil && b.Spread == (Spread{}):
		return nil, &FieldError{Field: "samples", Problem: "there are none", Remedy: "measure, or give a mean"}
	case b.Samples == nil:
		return b.Spread.samples()
	case b.Spread != (Spread{}):
		return nil, &FieldError{Field: "samples", Problem: "there is also a mean, p50 or p99 beside them", Remedy: "leave one of both out: the samples have a mean"}
	}
	return b.Samples.sorted(), b.Samples.check("samples")
}

func (s Samples) check(field string) *FieldError {
	for _, t := range s {
		if t <= 0 || t > longest {
			return &FieldError{Field: field, Problem: time.Duration(t).String(), Remedy: fmt.Sprintf("give times above 0, and at most %v", longest)}
		}
	}
	return nil
}
