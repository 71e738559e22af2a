package estimate

import (
	"fmt"
	"slices"
)

// check wants a memory that counts can have led to.
func (m *forecast) check() error {
	numbers := []float64{m.Block.Sum, float64(m.Block.Known), m.Level.Blocks, m.Level.Mean, m.Level.Off, m.Level.Usual}
	if len(m.Made) > mostPromises {
		return fmt.Errorf("%w: %d promises: start without this memory", ErrState, len(m.Made))
	}
	for _, p := range m.Made {
		numbers = append(numbers, p.Level)
		if p.Situation < 0 || p.Situation >= situations {
			return fmt.Errorf("%w: promise %+v: start without this memory", ErrState, p)
		}
	}
	for _, v := range []view{m.Near, m.Far} {
		numbers = append(numbers, v.Rates[:]...)
		for _, o := range v.Outcomes {
			if n := len(o.Weight); n != len(o.Sum) || n != 0 && n != bins {
				return fmt.Errorf("%w: %d outcomes: start without this memory", ErrState, n)
			}
			numbers = slices.Concat(numbers, o.Weight, o.Sum)
		}
	}
	return checkNumbers(append(numbers, float64(m.Known))...)
}
