package serflow_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/serflow/serflow-go/serflow"
)

// What no provider was given for is not planned with, and no VM counts on it: an Ask may be of more than
// is rented.
func TestAskOfMoreThanIsRented(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, nil, tiny, roomy)
		var log told
		ask := twoParts(t, 1, 1, 1)
		p := s.replanning(t, &log, ask, serflow.On(s.vms(), nil))
		defer s.closed(t, p)
		stream(t, p, 5, 5*time.Minute, 2)
		if log.count("planning without functions") != 1 || log.count("functions take the rest") > 0 || len(ask.Functions) == 0 || ready(p) == 0 {
			t.Errorf("%d VMs: %s", ready(p), log.String())
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, nil, tiny, roomy)
		s.functions.times = func(int) time.Duration { return 10 * time.Millisecond }
		var log told
		p := s.replanning(t, &log, twoParts(t, 1, 1, 1), serflow.On(nil, s.lambdas()))
		defer s.closed(t, p)
		stream(t, p, 5, time.Minute, 2)
		if log.count("planning without VMs") != 1 {
			t.Error(log.String())
		}
	})
}
