package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/serflow/serflow-go/examples/fashionmnist/model"
	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/internal/load"
	"github.com/serflow/serflow-go/providers/local"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
)

// The stream: Poisson arrivals at a rate that rises to more than what is rented can carry, stays there and falls.
const (
	streamLength = 80 * time.Second
	quiet, busy  = 0.9, 2.7 // of what one VM can carry
	rises, high  = 15 * time.Second, 30 * time.Second
	falls, low   = 40 * time.Second, 45 * time.Second
	killAt       = 24 * time.Second // a VM is killed
	decides      = time.Second      // how often the control loop does
	streamSLO    = 300 * time.Millisecond
)

// rate is the stream's, with the time, of VMs that can carry so many requests a second.
func rate(capacity float64) traffic.Rate {
	up, down := traffic.Ramp(quiet*capacity, busy*capacity, rises, high), traffic.Ramp(busy*capacity, quiet*capacity, falls, low)
	return traffic.Rate{
		At:     func(now time.Duration) float64 { return min(up.At(now), down.At(now)) },
		Bounds: func(time.Duration, time.Duration) (least, most float64) { return quiet * capacity, busy * capacity },
	}
}

// stream is what serving the images on VMs and functions came to.
type stream struct {
	arrivals []time.Duration // since its start
	exits    []int           // stage that answered each; -1 without an answer
	right    int
	failed   []error
	peak     float64 // requests a second
	fleet    []moment
	stats    serflow.Stats
	killed   string
	ask      planner.Ask // with what was measured
}

// serveStream serves the test images, in random order and again when they are through, on
// VMs and functions that are subprocesses. Reach is how many get as far as each stage.
func serveStream(ctx context.Context, exits []exit.Policy, reach []float64, images model.Images, seed uint64, show *progress) (s stream, err error) {
	cloud, err := rent()
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, cloud.Close()) }()
	if s.ask, err = measure(ctx, cloud, exits, reach, images, show); err != nil {
		return s, fmt.Errorf("measuring: %w", err)
	}
	capacity := 1 / perRequest(s.ask.VMs[0].Times, reach).Seconds()
	s.peak = busy * capacity
	s.ask.Traffic = planner.Steady(quiet*capacity, 0)
	p, err := open(ctx, cloud, exits, s.ask, show.log())
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, p.Teardown(ctx)) }()
	if _, err := p.Measure(ctx, samples(images, 4*warm), warm, nil); err != nil {
		return s, fmt.Errorf("warming the function: %w", err)
	}
	if s.arrivals, err = load.Arrivals(rate(capacity), streamLength, seed); err != nil {
		return s, err
	}
	err = s.play(ctx, p, cloud, images, seed, show)
	s.stats = p.Stats()
	return s, err
}

// reachOf is the share of requests that got as far as each stage.
func reachOf(s serflow.Stats) (reach []float64) {
	for _, st := range s.Stages {
		reach = append(reach, st.Reach)
	}
	return reach
}

// play sends each request when it is due.
func (s *stream) play(ctx context.Context, p *serflow.Pipeline, cloud *local.Provider, images model.Images, seed uint64, show *progress) error {
	order := rand.New(rand.NewPCG(seed, 2)).Perm(len(images.Labels))
	s.exits = slices.Repeat([]int{-1}, len(s.arrivals))
	var mu sync.Mutex
	answered := 0
	due := func(i int, now time.Duration) {
		if s.killed == "" && now > killAt {
			s.killed = killOne(cloud)
		}
		s.look(p, now, i)
		show.line(func() string {
			mu.Lock()
			defer mu.Unlock()
			return s.progress(p.Stats(), now, i, answered)
		})
	}
	return load.Play(ctx, s.arrivals, due, func(i int) {
		image := order[i%len(order)]
		r, err := p.Infer(ctx, stage.Float32(model.Input, model.Shape, images.Pixels[image]))
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			s.failed = append(s.failed, err)
			return
		}
		answered++
		if s.exits[i] = r.Exit; r.Class == images.Labels[image] {
			s.right++
		}
	})
}

// killOne kills a VM's process, as when a machine breaks.
func killOne(cloud *local.Provider) string {
	for id, pid := range cloud.PIDs() {
		if process, err := os.FindProcess(pid); err == nil && process.Kill() == nil {
			return id
		}
	}
	return ""
}

func (s *stream) progress(stats serflow.Stats, now time.Duration, sent, answered int) string {
	killed := ""
	if s.killed != "" {
		killed = ", " + s.killed + " was killed"
	}
	return fmt.Sprintf("on VMs and functions        %2.0f s of %2.0f  %d sent, %d answered, %d failed; %d VMs ready%s; functions had %.0f %%",
		now.Seconds(), streamLength.Seconds(), sent, answered, len(s.failed), ready(stats), killed, 100*functionShare(stats))
}

// ready is how many VMs serve.
func ready(s serflow.Stats) (n int) {
	for _, vm := range s.VMs {
		if vm.State == "ready" {
			n++
		}
	}
	return n
}

// functionShare is the part of all visits that were to functions.
func functionShare(s serflow.Stats) float64 {
	all, functions := visits(s)
	return functions / max(all, 1)
}
