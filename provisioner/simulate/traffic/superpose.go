package traffic

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/serflow/serflow-go/internal/heap"
)

// Superpose is the traffic of as many independent crowds as there are copies: copy i is
// the trace played from i*shift to its end, and then from its beginning. The mean rate is that of
// the trace times the copies; its burstiness is not multiplied. A shift of 0 means a day,
// which keeps the time of day the same in all copies, if the trace is of whole days.
//
// The trace must be long enough for all copies to be at least the shift apart, since two that coincide
// would be one multiplied: copies*shift <= its length. Superpose reads the trace once to
// learn that, and then once for each copy at the same time.
func (t Trace) Superpose(copies int, shift time.Duration, r *rand.Rand) (SourceCloser, error) {
	if shift == 0 {
		shift = 24 * time.Hour
	}
	if copies < 1 || shift < 0 || shift%time.Second != 0 {
		return nil, fmt.Errorf("%w: %d copies shifted by %v: use at least 1, and whole seconds", ErrSettings, copies, shift)
	}
	if copies == 1 {
		return t.Play(r)
	}
	summary, err := t.Measure()
	if err != nil {
		return nil, err
	}
	if time.Duration(copies) > summary.Length/shift {
		return nil, fmt.Errorf("%w: %d copies shifted by %v do not fit into %v: use fewer copies, a shorter shift or a longer trace",
			ErrSettings, copies, shift, summary.Length)
	}
	t.To = t.From + summary.Length
	m := &merged{}
	for i := range copies {
		s, err := t.rotate(time.Duration(i)*shift, r)
		if err == nil {
			err = m.add(s)
		}
		if err != nil {
			m.Close()
			return nil, err
		}
	}
	return m, nil
}

// rotate is the trace from offset to its end, and then from its beginning to offset.
func (t Trace) rotate(offset time.Duration, r *rand.Rand) (SourceCloser, error) {
	whole := t
	t.From += offset
	end, err := t.Play(r)
	if err != nil || offset == 0 {
		return end, err
	}
	beginning := func() (SourceCloser, error) {
		whole.To = t.From
		return whole.Play(r)
	}
	return &rotated{SourceCloser: end, then: beginning, delay: t.To - t.From}, nil
}

type rotated struct {
	SourceCloser
	then  func() (SourceCloser, error) // nil once it plays
	delay time.Duration                // until then
}

// Next is the next arrival of the one part and then of the other.
func (s *rotated) Next() (time.Duration, error) {
	at, err := s.SourceCloser.Next()
	if s.then != nil {
		if err != io.EOF {
			return at, err
		}
		beginning, err := s.then()
		if err != nil {
			return 0, err
		}
		s.SourceCloser, s.then = beginning, nil
		at, err = beginning.Next()
		return at + s.delay, err
	}
	return at + s.delay, err
}

// merged is the arrivals of several sources in order.
type merged struct {
	sources heap.Heap[SourceCloser] // by their next arrival
	err     error
}

// add takes a source in, with its next arrival, or closes it if there is none.
func (m *merged) add(s SourceCloser) error {
	at, err := s.Next()
	if err == nil {
		m.sources.Push(at, s)
	}
	if err == io.EOF {
		return nil
	}
	return err
}

// Next is the first of the sources' next arrivals.
func (m *merged) Next() (time.Duration, error) {
	at, s, ok := m.sources.Pop()
	if !ok {
		m.err = cmp.Or(m.err, io.EOF)
		return 0, m.err
	}
	if err := m.add(s); err != nil {
		m.err = err
		m.Close()
		return 0, err
	}
	return at, nil
}

// Close closes all sources.
func (m *merged) Close() error {
	m.err = cmp.Or(m.err, errClosed)
	var errs []error
	for {
		_, s, ok := m.sources.Pop()
		if !ok {
			return errors.Join(errs...)
		}
		errs = append(errs, s.Close())
	}
}
