package providers_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/stage"
)

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		err  error
		want bool
	}{
		{providers.ErrInsufficientCapacity, true},
		{providers.ErrThrottled, true},
		{providers.ErrLimit, true},
		{providers.ErrNotFound, true},
		{providers.ErrInvalid, true},
		{providers.ErrUnavailable, false},
		{providers.ErrFunction, false},
		{context.DeadlineExceeded, false},
		{errors.New("another"), false},
	} {
		wrapped := &providers.Error{Provider: "p", Op: "o", Err: fmt.Errorf("%w: details", c.err)}
		if got := providers.Refused(wrapped); got != c.want {
			t.Errorf("%v: %v, want %v", wrapped, got, c.want)
		}
	}
	if providers.Refused(nil) {
		t.Error("no error is a refusal")
	}
}

func TestErrorText(t *testing.T) {
	err := error(&providers.Error{Provider: "mock", Op: "launch", Err: fmt.Errorf("%w: 2 VMs", providers.ErrLimit)})
	if got, want := err.Error(), "mock: launch: limit reached: 2 VMs"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	err.(*providers.Error).Remedy = "ask for more"
	if got, want := err.Error(), "mock: launch: limit reached: 2 VMs (ask for more)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if !errors.Is(err, providers.ErrLimit) {
		t.Error("the cause is lost")
	}
}

func TestRequestsRefused(t *testing.T) {
	good := providers.Launch{Token: "t", Owner: "o", VMs: 1, Stages: stage.Range{First: 0, Last: 2}}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*providers.Launch){
		"no token":        func(l *providers.Launch) { l.Token = "" },
		"no owner":        func(l *providers.Launch) { l.Owner = "" },
		"no VMs":          func(l *providers.Launch) { l.VMs = 0 },
		"negative VMs":    func(l *providers.Launch) { l.VMs = -1 },
		"no stages":       func(l *providers.Launch) { l.Stages = stage.Range{First: 1, Last: 0} },
		"negative stages": func(l *providers.Launch) { l.Stages = stage.Range{First: -1, Last: 0} },
	} {
		l := good
		change(&l)
		if err := l.Validate(); !errors.Is(err, providers.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	spec := providers.FunctionSpec{Owner: "o"}
	if err := spec.Validate(); err != nil {
		t.Error(err)
	}
	for _, bad := range []providers.FunctionSpec{{}, {Owner: "o", Stages: stage.Range{First: 3}}} {
		if err := bad.Validate(); !errors.Is(err, providers.ErrInvalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}
