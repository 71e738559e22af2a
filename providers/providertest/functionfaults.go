package providertest

import (
	"context"
	"math"
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
			c.fails(ctx, t, x.op, f, c.Functions.Name(), x.do)
			mend()
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

// billOfFunctions holds what the cloud bills to what its invocations said, also of calls that
// fail. Those that were refused cost nothing.
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
	if mend, ok := c.inject(t, Invoke, Throttled); ok {
		_, err := c.Functions.Invoke(ctx, fn.ID, c.Body)
		c.isError(t, "throttled", c.Functions.Name(), err, providers.ErrThrottled)
		mend()
	}
	if _, after := c.Spent(); math.Abs(after-before-want) > 1e-9*want {
		t.Errorf("the cloud bills %v dollars, and the calls said %v", after-before, want)
	}
}
