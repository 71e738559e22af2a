package watch

import (
	"fmt"
	"slices"

	"github.com/serflow/serflow-go/exit"
)

func (c *Config) checkReference() error {
	rows := 0
	for _, t := range c.Reference {
		if t.Agree < 0 || t.Agree > t.Left {
			return fmt.Errorf("%w: reference %+v: count at each exit the rows that left, and of these the ones that agree", ErrConfig, c.Reference)
		}
		rows += t.Left
	}
	if len(c.Reference) != len(c.Rungs[c.Start]) || rows == 0 {
		return fmt.Errorf("%w: a reference of %d exits and %d rows for %d stages: give one of each, as exit.Replay does", ErrConfig, len(c.Reference), rows, len(c.Rungs[c.Start]))
	}
	c.Reference = slices.Clone(c.Reference)
	return nil
}

// checkRungs also sees to it that one look at an exit's logits answers for every rung.
func (c *Config) checkRungs() error {
	c.Rungs = slices.Clone(c.Rungs)
	asked := askedOf(c.Rungs)
	for i, rung := range c.Rungs {
		c.Rungs[i] = slices.Clone(rung)
		if len(rung) != len(asked) {
			return fmt.Errorf("%w: rung %d has %d policies, another %d: give each one for every stage", ErrConfig, i, len(rung), len(asked))
		}
		for k, p := range rung {
			if err := p.Validate(); err != nil {
				return fmt.Errorf("%w: rung %d, exit %d: %w", ErrConfig, i, k, err)
			}
			if (p.Kind == exit.KindFinal) != (k == len(rung)-1) {
				return fmt.Errorf("%w: rung %d, exit %d of %d is %s: make the last one, and only it, final", ErrConfig, i, k, len(rung), p.Kind)
			}
			if p.Kind != exit.KindNever && (p.Kind != asked[k].Kind || p.Temperature != asked[k].Temperature) {
				return fmt.Errorf("%w: exit %d differs between rungs by more than its threshold: give it one kind and temperature, or never", ErrConfig, k)
			}
		}
	}
	return nil
}
