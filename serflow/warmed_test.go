package serflow_test

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/serflow"
)

// warmers says of each function that it makes that it has called it.
type warmers struct{ skyFunctions }

func (f warmers) Ensure(ctx context.Context, s providers.FunctionSpec) (providers.Function, error) {
	fn, err := f.skyFunctions.Ensure(ctx, s)
	fn.Warmed = providers.Warmed{Wanted: 3, Started: 2, Calls: 2, Throttled: 7, Dollars: 0.25}
	return fn, err
}

// What a provider calls a function for, before it serves, is on the bill and in the log.
func TestCallsOfTheProviderAreOnTheBill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, nil)
		var log told
		p := s.open(t, serflow.On(nil, warmers{s.lambdas().(skyFunctions)}), serflow.Log(slog.New(slog.NewTextHandler(&log, nil))))
		defer s.closed(t, p)
		if stats, a := p.Stats(), s.Account(); stats.FunctionDollars != a.FunctionDollars+0.25 || stats.Groups[0].Dollars != stats.FunctionDollars {
			t.Errorf("%v dollars, %+v; the cloud has billed %v beside", stats.FunctionDollars, stats.Groups, a.FunctionDollars)
		}
		if log.count("wanted=3 started=2 throttled=7 dollars=0.25") != 1 {
			t.Error(log.String())
		}
	})
}
