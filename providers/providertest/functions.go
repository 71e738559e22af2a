package providertest

import (
	"bytes"
	"context"
	"testing"

	"github.com/serflow/serflow-go/providers"
)

func functionOffers(ctx context.Context, t *testing.T, c Cloud) {
	offers, err := c.Functions.Offers(ctx)
	if err != nil || len(offers) == 0 || c.Functions.Name() == "" {
		t.Fatalf("%q offers %v, %v", c.Functions.Name(), offers, err)
	}
	names := map[string]bool{}
	for _, o := range offers {
		if err := o.Validate(); err != nil || names[o.Name] {
			t.Errorf("%+v: %v, or its name is another's", o, err)
		}
		names[o.Name] = true
	}
}

// The same spec is the same function, and each part of a spec tells functions apart; also the
// setup, which is shown to nobody.
func functionMadeOnce(ctx context.Context, t *testing.T, c Cloud) {
	s := c.specOf(ctx, t)
	first := c.made(ctx, t, s)
	if again := c.made(ctx, t, s); again != first {
		t.Errorf("%+v and then %+v", first, again)
	}
	stages, setup := s, s
	stages.Stages.Last++
	setup.Setup += " " // means the same to a worker
	second, third := c.made(ctx, t, stages), c.made(ctx, t, setup)
	if first.ID == second.ID || first.ID == third.ID || second.ID == third.ID {
		t.Errorf("%q, %q and %q: want three functions", first.ID, second.ID, third.ID)
	}
	s.Setup = ""
	if first.FunctionSpec != s || third.FunctionSpec != s {
		t.Errorf("%+v and %+v, want %+v", first.FunctionSpec, third.FunctionSpec, s)
	}
	list := c.functions(ctx, t, owner)
	if len(list) != 3 || list[0] != first || list[1] != second || list[2] != third {
		t.Errorf("listed: %+v", list)
	}
}

func functionsThatCannotBe(ctx context.Context, t *testing.T, c Cloud) {
	for what, change := range map[string]func(*providers.FunctionSpec){
		"no owner":        func(s *providers.FunctionSpec) { s.Owner = "" },
		"negative stages": func(s *providers.FunctionSpec) { s.Stages.First = -1 },
		"no stages":       func(s *providers.FunctionSpec) { s.Stages.First, s.Stages.Last = 1, 0 },
	} {
		s := c.specOf(ctx, t)
		change(&s)
		_, err := c.Functions.Ensure(ctx, s)
		c.isError(t, what, c.Functions.Name(), err, providers.ErrInvalid)
	}
	s := c.specOf(ctx, t)
	s.Offer.Name += " that nobody sells"
	_, err := c.Functions.Ensure(ctx, s)
	c.isError(t, "an offer that is not sold", c.Functions.Name(), err, providers.ErrNotFound)
	if list := c.functions(ctx, t, owner); len(list) != 0 {
		t.Errorf("nothing could be made, and %+v is there", list)
	}
}

func removeFunctions(ctx context.Context, t *testing.T, c Cloud) {
	s := c.specOf(ctx, t)
	fn := c.made(ctx, t, s)
	for _, id := range []string{fn.ID, fn.ID, "never-known"} {
		if err := c.Functions.Remove(ctx, id); err != nil {
			t.Errorf("remove %q: %v", id, err)
		}
	}
	if list := c.functions(ctx, t, owner); len(list) != 0 {
		t.Errorf("%+v is there", list)
	}
	c.made(ctx, t, s)
	if list := c.functions(ctx, t, owner); len(list) != 1 {
		t.Errorf("made again: %+v", list)
	}
}

func ownersOfFunctions(ctx context.Context, t *testing.T, c Cloud) {
	owners := []string{owner, "shop2", "sho", "sh*p", "Shop", "a/b c=d:e"}
	for _, o := range owners {
		s := c.specOf(ctx, t)
		s.Owner = o
		c.made(ctx, t, s)
	}
	for _, o := range owners {
		if list := c.functions(ctx, t, o); len(list) != 1 || list[0].Owner != o {
			t.Errorf("%q owns %+v", o, list)
		}
	}
}

func functionsWhenTheContextIsOver(ctx context.Context, t *testing.T, c Cloud) {
	s := c.specOf(ctx, t)
	fn := c.made(ctx, t, s)
	s.Stages.Last++
	over, cancel := context.WithCancel(ctx)
	cancel()
	errs := map[string]error{"remove": c.Functions.Remove(over, fn.ID)}
	_, errs["offers"] = c.Functions.Offers(over)
	_, errs["ensure"] = c.Functions.Ensure(over, s)
	_, errs["list"] = c.Functions.List(over, owner)
	_, errs["invoke"] = c.Functions.Invoke(over, fn.ID, c.Body)
	for what, err := range errs {
		c.isError(t, what, c.Functions.Name(), err, context.Canceled)
	}
	if list := c.functions(ctx, t, owner); len(list) != 1 || list[0] != fn {
		t.Errorf("%+v: want what was there before", list)
	}
}

func functionsAreAdopted(ctx context.Context, t *testing.T, c Cloud) {
	s := c.specOf(ctx, t)
	fn := c.made(ctx, t, s)
	next := c.Successor(t)
	if list := next.functions(ctx, t, owner); len(list) != 1 || list[0] != fn {
		t.Errorf("the successor finds %+v, and %+v was left", list, fn)
	}
	if again := next.made(ctx, t, s); again != fn {
		t.Errorf("the successor asks again: %+v, want %+v", again, fn)
	}
	next.answers(ctx, t, fn.ID)
	if err := next.Functions.Remove(ctx, fn.ID); err != nil {
		t.Error(err)
	}
	if list := c.functions(ctx, t, owner); len(list) != 0 {
		t.Errorf("the successor has removed %+v", list)
	}
}

// answers calls a function that must answer.
func (c Cloud) answers(ctx context.Context, t *testing.T, id string) providers.Invocation {
	t.Helper()
	body := bytes.Clone(c.Body)
	got, err := c.Functions.Invoke(ctx, id, body)
	clear(body) // the provider does not keep it
	if err != nil || !bytes.Equal(got.Body, c.Answer) {
		t.Fatalf("%.100q, %v; want %.100q", got.Body, err, c.Answer)
	}
	if got.Billed <= 0 || got.Cold < 0 || got.Cold > got.Billed {
		t.Errorf("billed %v, of these %v cold", got.Billed, got.Cold)
	}
	return got
}

// A call after another finds it warm. A function's own errors are no answers, and are billed.
func invoke(ctx context.Context, t *testing.T, c Cloud) {
	fn := c.made(ctx, t, c.specOf(ctx, t))
	c.answers(ctx, t, fn.ID)
	if warm := c.answers(ctx, t, fn.ID); warm.Cold != 0 {
		t.Errorf("the second call waited %v for an instance", warm.Cold)
	}
	got, err := c.Functions.Invoke(ctx, fn.ID, c.Failing)
	c.isError(t, "a function that fails", c.Functions.Name(), err, providers.ErrFunction)
	if providers.Refused(err) || got.Billed <= 0 {
		t.Errorf("%v, billed %v: it ran", err, got.Billed)
	}
	c.answers(ctx, t, fn.ID)
}

func invokeWhatIsNotThere(ctx context.Context, t *testing.T, c Cloud) {
	fn := c.made(ctx, t, c.specOf(ctx, t))
	if err := c.Functions.Remove(ctx, fn.ID); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{fn.ID, "never-known"} {
		_, err := c.Functions.Invoke(ctx, id, c.Body)
		c.isError(t, id, c.Functions.Name(), err, providers.ErrNotFound)
	}
}
