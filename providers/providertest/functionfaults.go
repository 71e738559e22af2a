package providertest

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/serflow/serflow-go/providers"
)

// functionCallsThatFail has each operation fail, and then work. A throttled call is
// back-pressure and no failure of the function.
func functionCallsThatFail(ctx context.Context, t *testing.T, c Cloud) {
	s := c.specOf(ctx, t)
	for _, f := range []Fault{Throttled, Denied, Unavailable, AnswerLost} {
		fn := c.made(ctx, t, s)
		c.answers(ctx, t, fn.ID)
		other := s
		other.Stages.Last++
		for _, x := range []struct {
			op Op
			do func(context.Context) error
		}{
			{Ensure, func(ctx context.Context) error { _, err := c.Functions.Ensure(ctx, other); return err }},
			{ListFunctions, func(ctx context.Context) error { _, err := c.Functions.List(ctx, owner); return err }},
			{Invoke, func(ctx context.Context) error { _, err := c.Functions.Invoke(ctx, fn.ID, c.Body); return err }},
			{Remove, func(ctx context.Context) error { return c.Functions.Remove(ctx, fn.ID) }},
		} {
			mend, ok := c.inject(t, x.op, f)
			if !ok {
				continue
			}
			before := c.spentOnFunctions()
			c.fails(ctx, t, x.op, f, c.Functions.Name(), x.do)
			mend()
			switch x.op {
			case Invoke:
				c.ranBy(t, f, before)
			case Remove:
				c.removedBy(ctx, t, f, fn.ID)
			}
			if err := x.do(ctx); err != nil {
				t.Errorf("%s, mended after %q: %v", x.op, f, err)
			}
		}
		for _, left := range c.functions(ctx, t, owner) {
			if err := c.Functions.Remove(ctx, left.ID); err != nil {
				t.Error(err)
			}
		}
	}
	if list := c.functions(ctx, t, owner); len(list) != 0 {
		t.Errorf("left: %+v", list)
	}
}

// spentOnFunctions is what the cloud has billed for them, 0 if it does not say.
func (c Cloud) spentOnFunctions() float64 {
	if c.Spent == nil {
		return 0
	}
	_, functions := c.Spent()
	return functions
}

// ranBy checks that a call was billed if it ran, though nobody heard of it, and else was not.
func (c Cloud) ranBy(t *testing.T, f Fault, before float64) {
	t.Helper()
	if after := c.spentOnFunctions(); c.Spent != nil && (after > before) != (f == AnswerLost) {
		t.Errorf("%s at %q: %v dollars, and %v before", f, Invoke, after, before)
	}
}

// removedBy checks that a function is gone if the call to remove it was done, though nobody heard
// of it, and else that it is there.
func (c Cloud) removedBy(ctx context.Context, t *testing.T, f Fault, id string) {
	t.Helper()
	there := slices.ContainsFunc(c.functions(ctx, t, owner), func(fn providers.Function) bool { return fn.ID == id })
	if there != (f != AnswerLost) {
		t.Errorf("%s at %q: it is there: %v", f, Remove, there)
	}
}

// billOfFunctions holds what the cloud bills to what its invocations said, also of calls that
// fail. What those cost that never ran, functionCallsThatFail shows.
func billOfFunctions(ctx context.Context, t *testing.T, c Cloud) {
	s := c.specOf(ctx, t)
	fn := c.made(ctx, t, s)
	_, before := c.Spent()
	want := 0.0
	for range 3 {
		want += s.Offer.Cost(c.answers(ctx, t, fn.ID).Billed)
	}
	got, err := c.Functions.Invoke(ctx, fn.ID, c.Failing)
	c.isError(t, "a function that fails", c.Functions.Name(), err, providers.ErrFunction)
	want += s.Offer.Cost(got.Billed)
	if _, after := c.Spent(); math.Abs(after-before-want) > 1e-9*want {
		t.Errorf("the cloud bills %v dollars, and the calls said %v", after-before, want)
	}
}
