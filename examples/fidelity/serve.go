package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/serflow/serflow-go/internal/load"
	"github.com/serflow/serflow-go/providers/local"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
)

// served is what was served, and when, for the simulator to repeat.
type served struct {
	outcome
	arrivals []time.Duration
	exits    []int // stage that answered each request; -1 without an answer
	length   time.Duration
}

// service is a workload being served.
type service struct {
	workload
	p       *serflow.Pipeline
	samples [][]stage.Tensor // to measure with
	begun   time.Time

	mu        sync.Mutex
	out       served
	functions int // requests with one
}

// serve serves the workload on subprocesses. A workload that computes is measured again a few times
// meanwhile, with no request on its way: other tenants of the machine slow it down for seconds on end, and
// what was measured before need not be what is served with. What is measured and what is served then
// meet the same. Those pauses are in the simulator's arrivals, and in both bills, but for the measurements' calls of functions.
func (w workload) serve(ctx context.Context, cloud *local.Provider, m serflow.Measurement, arrivals []time.Duration, length time.Duration, seed uint64) (o served, _ serflow.Measurement, err error) {
	p, err := open(ctx, w, cloud, w.vms,
		serflow.Times(w.vm.Name, m.Profiles[w.vm.Name]), serflow.Times(w.function.Name, m.Profiles[w.function.Name]), serflow.Network(m.Network))
	if err != nil {
		return o, m, err
	}
	defer func() { err = errors.Join(err, p.Teardown(ctx)) }()
	if err := allReady(ctx, p, w.vms); err != nil {
		return o, m, err
	}
	s := &service{workload: w, p: p, samples: take(w.samples(0), w.measured/w.parts), begun: time.Now()}
	s.out.failed = map[string]int{}
	before, next := p.Stats(), w.samples(seed)
	var other float64
	for part := range w.parts {
		if part > 0 {
			functions := p.Stats().FunctionDollars
			if err := s.measureAgain(ctx, &m); err != nil {
				return o, m, err
			}
			other += p.Stats().FunctionDollars - functions
		}
		from, to := length*time.Duration(part)/time.Duration(w.parts), length*time.Duration(part+1)/time.Duration(w.parts)
		if err := s.play(ctx, between(arrivals, from, to), next); err != nil {
			return o, m, err
		}
		fmt.Fprintf(os.Stderr, "served %v of %v, %d requests\n", to, length, len(s.out.arrivals))
	}
	after := p.Stats()
	s.out.length = time.Since(s.begun)
	if w.chosen != nil {
		s.out.compared = serflow.Validate(w.chosen, before, after, s.out.length)
	}
	s.out.p50, s.out.p99 = after.Latency.Quantile(0.5), after.Latency.Quantile(0.99)
	s.out.dollars = after.VMDollars + after.FunctionDollars - before.VMDollars - before.FunctionDollars - other
	s.out.functionShare = float64(s.functions) / float64(len(arrivals))
	return s.out, m, nil
}

// between are the arrivals from one time on and before another, from the first.
func between(arrivals []time.Duration, from, to time.Duration) (part []time.Duration) {
	for _, at := range arrivals {
		if from <= at && at < to {
			part = append(part, at-from)
		}
	}
	return part
}

// play serves requests as they arrive, and returns when all have ended.
func (s *service) play(ctx context.Context, arrivals []time.Duration, next func() []stage.Tensor) error {
	samples, first, since := take(next, len(arrivals)), len(s.out.arrivals), time.Since(s.begun)
	for _, at := range arrivals {
		s.out.arrivals = append(s.out.arrivals, since+at)
	}
	s.out.exits = append(s.out.exits, slices.Repeat([]int{-1}, len(arrivals))...)
	return load.Play(ctx, arrivals, nil, func(i int) {
		r, err := s.p.Infer(ctx, samples[i]...)
		s.mu.Lock()
		defer s.mu.Unlock()
		if slices.ContainsFunc(r.Path, func(h serflow.Hop) bool { return h.Kind == "function" }) {
			s.functions++
		}
		if err != nil {
			s.out.failed[kindOf(err)]++
			return
		}
		s.out.exits[first+i] = r.Exit
		s.out.answered++
	})
}

// measureAgain adds to what has been measured.
func (s *service) measureAgain(ctx context.Context, m *serflow.Measurement) error {
	again, err := s.p.Measure(ctx, s.samples, s.vms, nil)
	if err != nil {
		return err
	}
	for offer, p := range again.Profiles {
		if again.Profiles[offer], err = p.Merge(m.Profiles[offer]); err != nil {
			return err
		}
	}
	m.Profiles = again.Profiles
	return nil
}
