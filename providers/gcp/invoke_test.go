package gcp_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/serflow/serflow-go/internal/fakegcp"
	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/gcp"
)

// By hand: 250 ms to start and 3.2 ms to run, then 3.2 ms. Cloud Run bills tenths of a second.
func TestTheBillOfACall(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newRun()
		r := functionsOf(t, cloud)
		s := specOf(t, r)
		id := ensured(t, r, s)
		for _, want := range []providers.Invocation{
			{Billed: 253200 * time.Microsecond, Cold: 250 * time.Millisecond}, {Billed: 3200 * time.Microsecond},
		} {
			got, err := r.Invoke(t.Context(), id, []byte("abc"))
			if err != nil || string(got.Body) != "ABC" || got.Billed != want.Billed || got.Cold != want.Cold {
				t.Errorf("%+v, %v; want %+v", got, err, want)
			}
		}
		want := 2*0.4e-6 + (0.3+0.1)*(0.000024+2*0.0000025)
		if got := cloud.FunctionDollars(); got < want*(1-1e-9) || got > want*(1+1e-9) {
			t.Errorf("%v dollars, want %v", got, want)
		}
	})
}

// Each failure has its own remedy, and what it is billed for.
func TestWhyCallsFail(t *testing.T) {
	for what, c := range map[string]struct {
		fault  fakegcp.Fault
		body   string
		want   error
		billed time.Duration
		says   []string
	}{
		"its own error":  {"", "fail", providers.ErrFunction, 253200 * time.Microsecond, []string{"it was told to", "Cloud Logging"}},
		"a time-out":     {fakegcp.TimedOut, "abc", providers.ErrFunction, 60250 * time.Millisecond, []string{"timeout", "FunctionOptions.Timeout"}},
		"a crash":        {fakegcp.Crashed, "abc", providers.ErrUnavailable, 0, []string{"memory"}},
		"too many calls": {fakegcp.Throttled, "abc", providers.ErrThrottled, 0, []string{"later"}},
		"no instance":    {fakegcp.NoInstance, "abc", providers.ErrThrottled, 0, []string{"no available instance"}},
		"denied":         {fakegcp.Denied, "abc", providers.ErrInvalid, 0, []string{"roles/run.invoker"}},
		"lost":           {fakegcp.AnswerLost, "abc", providers.ErrUnavailable, 0, nil},
	} {
		t.Run(what, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				cloud := newRun()
				r := functionsOf(t, cloud)
				id := ensured(t, r, specOf(t, r))
				cloud.Fail(invoking, c.fault)
				got, err := r.Invoke(t.Context(), id, []byte(c.body))
				isError(t, err, c.want, c.says...)
				if got.Billed != c.billed {
					t.Errorf("billed %v, want %v", got.Billed, c.billed)
				}
			})
		})
	}
}

// More calls at once than there may be instances are back-pressure, and cost nothing.
func TestNoMoreInstances(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newRun()
		two := gcp.SizeOf(1, 2048, gcp.ByRequest)
		two.Max = 2
		r := functionsOf(t, cloud, func(o *gcp.FunctionOptions) { o.Sold = []gcp.Size{two} })
		id := ensured(t, r, specOf(t, r))
		errs := make(chan error, 3)
		for range 3 {
			go func() {
				_, err := r.Invoke(t.Context(), id, []byte("abc"))
				errs <- err
			}()
		}
		throttled := 0
		for range 3 {
			if err := <-errs; errors.Is(err, providers.ErrThrottled) && providers.Refused(err) {
				throttled++
			} else if err != nil {
				t.Error(err)
			}
		}
		if throttled != 1 {
			t.Errorf("%d calls of three found none of two instances", throttled)
		}
	})
}

// A service that another process has removed is not found, by the URL that is remembered and
// without.
func TestRemovedByAnother(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newRun()
		r := functionsOf(t, cloud)
		id := ensured(t, r, specOf(t, r))
		if err := functionsOf(t, cloud).Remove(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			_, err := r.Invoke(t.Context(), id, []byte("abc"))
			isError(t, err, providers.ErrNotFound)
		}
		if n := cloud.Calls()[invoking]; n != 1 {
			t.Errorf("%d calls: the URL is forgotten after the first", n)
		}
	})
}

// Without an identity token nobody is called.
func TestNoIdentity(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newRun()
		r := functionsOf(t, cloud, func(o *gcp.FunctionOptions) {
			o.Token = func(context.Context, string) (string, error) { return "", errors.New("no account") }
		})
		id := ensured(t, r, specOf(t, r))
		_, err := r.Invoke(t.Context(), id, nil)
		isError(t, err, providers.ErrInvalid, "no account", "application default credentials")
		if cloud.Calls()[invoking] != 0 {
			t.Error("called")
		}
	})
}
