//go:build unix

package serflow_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/serflow/serflow-go/internal/load"
	"github.com/serflow/serflow-go/serflow"
)

// errand is a request, and what its caller is like.
type errand struct {
	depth, class int
	priority     serflow.Priority
	within       time.Duration // its caller's deadline; 0 for none but the SLO
	leaves       time.Duration // after which its caller goes away; -1 for never
}

// drawErrand draws one. Three in ten callers go away, some of them before they have asked.
func drawErrand(r *rand.Rand) errand {
	e := errand{depth: load.Depth(r, soakReach), class: r.IntN(8), leaves: -1}
	if r.IntN(4) == 0 {
		e.within = time.Duration(20+r.IntN(480)) * time.Millisecond
	}
	if r.IntN(10) < 3 {
		e.leaves = time.Duration(r.IntN(50)) * time.Millisecond
	}
	return e
}

// infer runs an errand.
func (s *soaking) infer(e errand) {
	ctx, cancel := context.WithCancel(serflow.WithPriority(context.Background(), e.priority))
	defer cancel()
	if e.within > 0 {
		ctx, cancel = context.WithTimeout(ctx, e.within)
		defer cancel()
	}
	switch {
	case e.leaves == 0:
		cancel()
	case e.leaves > 0:
		defer time.AfterFunc(e.leaves, cancel).Stop()
	}
	result, err := s.pipeline.Infer(ctx, load.Sample(e.depth, e.class))
	how := "answered"
	if err == nil {
		s.answers.Add(1)
		if result.Exit != e.depth || result.Class != e.class {
			s.t.Errorf("an answer that is another's: %+v to %+v", result, e)
		}
	} else {
		s.failures.Add(1)
		how = s.failed(e, result, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended[how]++
	if how == serflow.ErrShed.Error() {
		s.shed[e.priority]++
	}
}

// failed holds an error to what it has to say, and returns which it is.
func (s *soaking) failed(e errand, result serflow.Result, err error) string {
	if typed := new(serflow.Error); !errors.As(err, &typed) || typed.Stage == "" || typed.Group == "" || typed.Provider != "local" || typed.Remedy == "" || result.Exit != -1 {
		s.t.Errorf("%v; %+v", err, result)
	}
	if errors.Is(err, context.Canceled) {
		if e.leaves < 0 {
			s.t.Errorf("cancelled, by nobody: %v", err)
		}
		return "cancelled by its caller"
	}
	for _, may := range []error{serflow.ErrDeadline, serflow.ErrShed, serflow.ErrThrottled, serflow.ErrCapacity, serflow.ErrTries} {
		if errors.Is(err, may) {
			return may.Error()
		}
	}
	s.t.Errorf("an error without a name: %v", err)
	return "else"
}
