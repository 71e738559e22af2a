package mock_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/mock"
	"github.com/serflow/serflow-go/stage"
)

var spec = providers.FunctionSpec{Owner: "shop", Offer: size, Stages: stage.Range{First: 1, Last: 2}, Artifact: "worker"}

func ensure(t *testing.T, p *mock.Provider) string {
	t.Helper()
	fn, err := p.Functions().Ensure(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	return fn.ID
}

func TestEnsureMakesAFunctionOnce(t *testing.T) {
	p := open(t, mock.Options{})
	ctx, f := t.Context(), p.Functions()
	first, second := ensure(t, p), ensure(t, p)
	other := spec
	other.Stages.Last = 3
	fn, err := f.Ensure(ctx, other)
	if err != nil || first != second || fn.ID == first || fn.FunctionSpec != other {
		t.Errorf("%q, %q and %+v, %v", first, second, fn, err)
	}
	list, err := f.List(ctx, "shop")
	if want := []providers.Function{{ID: first, FunctionSpec: spec}, fn}; err != nil || !slices.Equal(list, want) {
		t.Errorf("%v, %v; want %v", list, err, want)
	}
	for range 2 {
		if err := f.Remove(ctx, first); err != nil {
			t.Error(err)
		}
	}
	if list, _ := f.List(ctx, "shop"); !slices.Equal(list, []providers.Function{fn}) {
		t.Errorf("%v", list)
	}
	if list, _ := f.List(ctx, "other"); len(list) != 0 {
		t.Errorf("another owner has %v", list)
	}
	_, err = f.Invoke(ctx, first, nil)
	isError(t, "a function that was removed", err, providers.ErrNotFound)
	if again := ensure(t, p); again == first {
		t.Error("a function that was removed is back")
	}
}

// The setup tells functions apart, and is shown to nobody.
func TestTheSetupOfAFunctionIsHidden(t *testing.T) {
	p := open(t, mock.Options{})
	ctx, f := t.Context(), p.Functions()
	told, other := spec, spec
	told.Setup, other.Setup = "secret", "another secret"
	var made []providers.Function
	for _, s := range []providers.FunctionSpec{told, other, told} {
		fn, err := f.Ensure(ctx, s)
		if err != nil || fn.FunctionSpec != spec {
			t.Errorf("%+v, %v; want %+v", fn, err, spec)
		}
		made = append(made, fn)
	}
	if made[0].ID == made[1].ID || made[0].ID != made[2].ID {
		t.Errorf("%v: the first and the last are one, and the other is another", made)
	}
	if list, err := f.List(ctx, "shop"); err != nil || !slices.Equal(list, made[:2]) {
		t.Errorf("%v, %v; want %v", list, err, made[:2])
	}
}

func TestFunctionsRefused(t *testing.T) {
	p := open(t, mock.Options{})
	_, err := p.Functions().Ensure(t.Context(), providers.FunctionSpec{Offer: size})
	isError(t, "no owner", err, providers.ErrInvalid)
	unknown := spec
	unknown.Offer.Name = "huge"
	_, err = p.Functions().Ensure(t.Context(), unknown)
	isError(t, "a size that is not sold", err, providers.ErrNotFound)
}

func upper(body []byte) ([]byte, error) {
	time.Sleep(100*time.Millisecond + time.Microsecond)
	return bytes.ToUpper(body), nil
}

// The first call waits for the initialisation and is billed for it, the second is warm,
// and after the keep-alive one is cold again.
func TestInvocationsByHand(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		p := open(t, mock.Options{
			World:    newWorld(t, mock.Config{Cold: mock.Spread{Median: 2 * time.Second}, KeepAlive: 10 * time.Minute}),
			Function: upper,
		})
		id := ensure(t, p)
		call := func(cold time.Duration) {
			t.Helper()
			began := time.Now()
			got, err := p.Functions().Invoke(ctx, id, []byte("abc"))
			billed := cold + 100*time.Millisecond + time.Microsecond
			if err != nil || string(got.Body) != "ABC" || got.Cold != cold || got.Billed != billed || time.Since(began) != billed {
				t.Errorf("%+v, %v after %v", got, err, time.Since(began))
			}
		}
		call(2 * time.Second)
		time.Sleep(10*time.Minute - 1)
		call(0)
		time.Sleep(10 * time.Minute)
		call(2 * time.Second)
		// Two calls of 2.101 s and one of 0.101 s, as a millisecond begun is billed: 4.303 s
		// at a dollar, and three calls at half a dollar.
		got := p.Account()
		if d := got.FunctionDollars - 5.803; d > 1e-9 || d < -1e-9 || got.Calls != 3 || got.Cold != 2 || got.Throttled != 0 {
			t.Errorf("%+v", got)
		}
	})
}

func TestCallsAboveTheLimitAreThrottled(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		p := open(t, mock.Options{World: newWorld(t, mock.Config{Concurrency: 3}), Function: upper})
		id := ensure(t, p)
		var calls sync.WaitGroup
		errs := make(chan error, 5)
		for range 5 {
			calls.Go(func() {
				_, err := p.Functions().Invoke(ctx, id, nil)
				errs <- err
			})
		}
		calls.Wait()
		close(errs)
		throttled := 0
		for err := range errs {
			if err != nil {
				throttled++
				isError(t, "a call too many", err, providers.ErrThrottled)
			}
		}
		if a := p.Account(); throttled != 2 || a.Throttled != 2 || a.Calls != 3 {
			t.Errorf("%d throttled, want 2: %+v", throttled, a)
		}
		if _, err := p.Functions().Invoke(ctx, id, nil); err != nil {
			t.Errorf("when the others have ended: %v", err)
		}
	})
}

// A call that nobody waits for any more keeps its instance, runs on its own copy of the
// body, and is billed.
func TestACallThatIsGivenUpRunsOn(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		var seen []byte
		p := open(t, mock.Options{
			World: newWorld(t, mock.Config{Cold: mock.Spread{Median: time.Second}, Concurrency: 1}),
			Function: func(body []byte) ([]byte, error) {
				seen = bytes.Clone(body)
				return nil, nil
			},
		})
		id := ensure(t, p)
		hasty, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
		defer cancel()
		body := []byte("abc")
		_, err := p.Functions().Invoke(hasty, id, body)
		isError(t, "given up", err, context.DeadlineExceeded)
		clear(body)
		_, err = p.Functions().Invoke(ctx, id, nil)
		isError(t, "the instance is busy", err, providers.ErrThrottled)
		time.Sleep(500 * time.Millisecond)
		synctest.Wait()
		if a := p.Account(); string(seen) != "abc" || a.Calls != 1 || a.Cold != 1 || a.FunctionDollars != 1.5 {
			t.Errorf("it has run with %q: %+v", seen, a)
		}
	})
}

func TestAFunctionThatFailsIsBilled(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		reason := errors.New("out of memory")
		p := open(t, mock.Options{Function: func([]byte) ([]byte, error) {
			time.Sleep(time.Second)
			return []byte("half"), reason
		}})
		got, err := p.Functions().Invoke(ctx, ensure(t, p), nil)
		isError(t, "a failure", err, providers.ErrFunction)
		isError(t, "its reason", err, reason)
		if got.Body != nil || got.Billed != time.Second || p.Account().FunctionDollars != 1.5 {
			t.Errorf("%+v, %+v", got, p.Account())
		}
	})
}

// Close does not let a call begin that waits for its instance, and waits for one that
// is running.
func TestCloseAmongCalls(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		began := time.Now()
		var runs atomic.Int32
		p := open(t, mock.Options{
			World: newWorld(t, mock.Config{Cold: mock.Spread{Median: time.Second}}),
			Function: func([]byte) ([]byte, error) {
				runs.Add(1)
				time.Sleep(time.Hour)
				return nil, nil
			},
		})
		id := ensure(t, p)
		errs := make(chan error, 3)
		for range 2 {
			go func() {
				_, err := p.Functions().Invoke(ctx, id, nil)
				errs <- err
			}()
			time.Sleep(1500 * time.Millisecond)
		}
		go func() {
			_, err := p.Functions().Invoke(ctx, id, nil)
			errs <- err
		}()
		synctest.Wait()
		p.Close()
		for range 3 {
			unavailable(t, "a call at the end", <-errs)
		}
		if runs.Load() != 2 || time.Since(began) != 1500*time.Millisecond+time.Second+time.Hour {
			t.Errorf("%d calls have run until %v", runs.Load(), time.Since(began))
		}
	})
}
