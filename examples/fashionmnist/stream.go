package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/serflow/serflow-go/examples/fashionmnist/model"
	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/providers/local"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
)

// The stream: Poisson arrivals at a rate that is below what the VMs can carry in its first
// half, and rises to more than that in its second.
const (
	streamLength = 60 * time.Second
	quiet, busy  = 0.6, 1.6 // of what the VMs can carry
	killAt       = 0.4      // of the length: a VM is killed
	streamSLO    = 150 * time.Millisecond
)

// stream is what serving the images on VMs and functions came to.
type stream struct {
	arrivals []time.Duration // since its start
	exits    []int           // stage that answered each; -1 without an answer
	right    int
	failed   []error
	peak     float64 // requests a second, at the end
	vmOnly   int     // requests that VMs answered alone
	stats    serflow.Stats
	killed   string
	length   time.Duration
}

// serveStream serves the test images, in random order and again when they are through, on VMs and
// functions that are subprocesses.
func serveStream(ctx context.Context, exits []exit.Policy, measured serflow.Stats, images model.Images, seed uint64, show *progress) (s stream, err error) {
	m, err := fashion(exits)
	if err != nil {
		return s, err
	}
	times, err := timesOf(measured)
	if err != nil {
		return s, err
	}
	reach := reachOf(measured)
	cloud, err := rent()
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, cloud.Close()) }()
	p, err := serflow.Open(ctx, m,
		serflow.On(cloud.VMs(), cloud.Functions()), serflow.Owner("fashionmnist"),
		serflow.Limits(provisioner.Limits{VMs: vms + 1, PerHour: 0.1, PerDay: 0.1}), serflow.SLO(streamSLO), serflow.Plan(plan(reach)),
		serflow.Times(smallVM.Name, times[smallVM.Name]), serflow.Times(bigFunction.Name, times[bigFunction.Name]),
		serflow.Network(onePerRequest), serflow.Heartbeat(500*time.Millisecond))
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	if err := allReady(ctx, p); err != nil {
		return s, err
	}
	capacity := float64(vms) / perRequest(times[smallVM.Name], reach).Seconds()
	s = stream{length: streamLength, peak: busy * capacity}
	rate := traffic.Ramp(quiet*capacity, s.peak, streamLength/2, streamLength)
	if s.arrivals, err = arrivals(rate, seed); err != nil {
		return s, err
	}
	s.play(ctx, p, cloud, images, seed, show)
	s.stats = p.Stats()
	return s, context.Cause(ctx)
}

// reachOf is the share of requests that got as far as each stage.
func reachOf(s serflow.Stats) (reach []float64) {
	for _, st := range s.Stages {
		reach = append(reach, st.Reach)
	}
	return reach
}

// allReady waits until every VM serves.
func allReady(ctx context.Context, p *serflow.Pipeline) error {
	for {
		ready := 0
		for _, vm := range p.Stats().VMs {
			if vm.State == "ready" {
				ready++
			}
		}
		if ready == vms {
			return nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// arrivals draws when requests come.
func arrivals(rate traffic.Rate, seed uint64) (at []time.Duration, err error) {
	source, err := traffic.Varying(rate, streamLength, rand.New(rand.NewPCG(seed, 1)))
	if err != nil {
		return nil, err
	}
	for {
		t, err := source.Next()
		if errors.Is(err, io.EOF) {
			return at, nil
		}
		if err != nil {
			return nil, err
		}
		at = append(at, t)
	}
}

// play sends each request when it is due, whether those before have been answered or not.
func (s *stream) play(ctx context.Context, p *serflow.Pipeline, cloud *local.Provider, images model.Images, seed uint64, show *progress) {
	order := rand.New(rand.NewPCG(seed, 2)).Perm(len(images.Labels))
	s.exits = slices.Repeat([]int{-1}, len(s.arrivals))
	var wg sync.WaitGroup
	var mu sync.Mutex
	var done, failed atomic.Int64
	begun := time.Now()
	for i, at := range s.arrivals {
		if s.killed == "" && at > time.Duration(killAt*float64(s.length)) {
			s.killed = killOne(cloud)
		}
		select {
		case <-time.After(at - time.Since(begun)):
		case <-ctx.Done():
			wg.Wait()
			return
		}
		image := order[i%len(order)]
		wg.Go(func() {
			r, err := p.Infer(ctx, stage.Float32(model.Input, model.Shape, images.Pixels[image]))
			mu.Lock()
			defer mu.Unlock()
			s.count(i, r, err, images.Labels[image])
			if done.Add(1); err != nil {
				failed.Add(1)
			}
		})
		show.line(func() string { return s.progress(p, i, begun, int(done.Load()), int(failed.Load())) })
	}
	wg.Wait()
}

// count notes what became of a request.
func (s *stream) count(i int, r serflow.Result, err error, label int) {
	if err != nil {
		s.failed = append(s.failed, err)
		return
	}
	s.exits[i] = r.Exit
	if r.Class == label {
		s.right++
	}
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

func (s *stream) progress(p *serflow.Pipeline, sent int, begun time.Time, done, failed int) string {
	stats := p.Stats()
	ready := 0
	for _, vm := range stats.VMs {
		if vm.State == "ready" {
			ready++
		}
	}
	killed := ""
	if s.killed != "" {
		killed = ", " + s.killed + " was killed"
	}
	return fmt.Sprintf("on VMs and functions        %2.0f s of %2.0f  %d sent, %d answered, %d failed; %d VMs ready%s; functions had %.0f %%",
		time.Since(begun).Seconds(), s.length.Seconds(), sent+1, done-failed, failed, ready, killed, 100*functionShare(stats))
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
