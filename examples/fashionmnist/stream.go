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
	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
)

// The stream: Poisson arrivals at a rate that is below what the VMs can carry in its first
// half, and rises to more than that in its second.
const (
	streamLength = 30 * time.Second
	quiet, busy  = 0.6, 1.3 // of what the VMs can carry
	killAt       = 0.4      // of the length: a VM is killed
	streamSLO    = 300 * time.Millisecond
)

// stream is what serving the images on VMs and functions came to.
type stream struct {
	arrivals []time.Duration // since its start
	exits    []int           // stage that answered each; -1 without an answer
	right    int
	failed   []error
	peak     float64 // requests a second, at the end
	stats    serflow.Stats
	killed   string
	measured serflow.Measurement
}

// serveStream serves the test images, in random order and again when they are through, on
// VMs and functions that are subprocesses. Reach is how many get as far as each stage.
func serveStream(ctx context.Context, exits []exit.Policy, reach []float64, images model.Images, seed uint64, show *progress) (s stream, err error) {
	cloud, err := rent()
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, cloud.Close()) }()
	if s.measured, err = measure(ctx, cloud, exits, reach, images, show); err != nil {
		return s, fmt.Errorf("measuring: %w", err)
	}
	small, big := s.measured.Profiles[smallVM.Name], s.measured.Profiles[bigFunction.Name]
	p, err := openOn(ctx, cloud, exits, reach, serflow.Times(smallVM.Name, small), serflow.Times(bigFunction.Name, big), serflow.Network(s.measured.Network))
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, p.Teardown(ctx)) }()
	capacity := float64(vms) / perRequest(small, reach).Seconds()
	s.peak = busy * capacity
	if s.arrivals, err = load.Arrivals(traffic.Ramp(quiet*capacity, s.peak, streamLength/2, streamLength), streamLength, seed); err != nil {
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
		if s.killed == "" && now > time.Duration(killAt*float64(streamLength)) {
			s.killed = killOne(cloud)
		}
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
	all, functions := 0.0, 0.0
	for _, g := range s.Groups {
		n := float64(g.Requests - g.Failed)
		all += n
		if g.Kind == "function" {
			functions += n
		}
	}
	if all == 0 {
		return 0
	}
	return functions / all
}
