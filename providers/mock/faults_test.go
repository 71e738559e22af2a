package mock_test

import (
	"errors"
	"testing"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/fault"
	"github.com/serflow/serflow-go/providers/mock"
)

// A throttled call counts as one, whether the world throttles or a fault does.
func TestInjectedThrottlesAreCounted(t *testing.T) {
	p := open(t, mock.Options{})
	if _, err := p.Inject(fault.Invoke, fault.Throttled); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Functions().Invoke(t.Context(), "function-1", nil); !errors.Is(err, providers.ErrThrottled) || p.Account().Throttled != 1 {
		t.Errorf("%v, %+v", err, p.Account())
	}
	var e *providers.Error
	if _, err := p.Inject(fault.Invoke, fault.NoCapacity); !errors.Is(err, providers.ErrInvalid) || !errors.As(err, &e) {
		t.Errorf("a fault that cannot be: %v", err)
	}
}
