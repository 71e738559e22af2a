package main

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/serflow/serflow-go/examples/fashionmnist/model"
	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/provisioner/simulate/depth"
)

// shape is a model: its times on a vCPU, its reach, and the bytes into each stage.
type shape struct {
	name    string
	times   profile.Times
	full    time.Duration
	reach   []float64
	payload []int
	batch   int
}

const (
	cv   = 0.3 // assumed, of a stage's times
	runs = 10  // assumed, requests over which exit depth is correlated
)

// profiles are the models that are served.
func profiles(ctx context.Context) ([]shape, error) {
	v, err := model.Validation()
	if err != nil {
		return nil, err
	}
	found, err := exit.Search(ctx, v, exit.Options{Bound: 0.5, Seed: 1})
	if err != nil {
		return nil, err
	}
	us := time.Microsecond
	// Measured on 2026-11-24 by make demo, a thread on an otherwise idle core.
	fashion, err := newShape("fashion", []time.Duration{34 * us, 85 * us, 161 * us, 321 * us, 2639 * us}, reachOf(v, found.Policies), 1.1)
	if err != nil {
		return nil, err
	}
	fashion.payload = []int{3136, 6272, 6272, 6272, 6272}
	ms := time.Millisecond
	bert, err := newShape("BERT-like", []time.Duration{45 * ms, 45 * ms, 45 * ms, 45 * ms}, []float64{1, 0.65, 0.30, 0.05}, 1.4)
	bert.payload = []int{1 << 10, 393 << 10, 393 << 10, 393 << 10}
	return []shape{fashion, bert}, err
}

func newShape(name string, means []time.Duration, reach []float64, gain float64) (shape, error) {
	s := shape{name: name, reach: reach, batch: 16}
	for _, m := range means {
		s.full += m
	}
	single, err := profile.LogNormal(means, cv)
	if err != nil {
		return s, err
	}
	// Rows of a batch of 16 take a gain less time each than alone; assumed.
	s.times, err = profile.BatchGain(single, gain)
	return s, err
}

// reachOf is the share of the validation images that gets to each stage.
func reachOf(v exit.Validation, policies []exit.Policy) []float64 {
	reach := make([]float64, len(policies))
	rows := len(v.Labels)
	for i := range rows {
		var d exit.Decision
		for k, p := range policies {
			reach[k] += 1 / float64(rows)
			if d = p.Decide(v.Logits[k][i*v.Classes:(i+1)*v.Classes], d.State); d.Leave {
				break
			}
		}
	}
	reach[0] = 1 // but for rounding
	return reach
}

// work is the time of a request on a vCPU, on average.
func (s shape) work() (seconds float64) {
	for k, r := range s.reach {
		seconds += r * s.times.Mean(k, 1).Seconds()
	}
	return seconds
}

func (s shape) depths(r *rand.Rand) (depth.Source, error) {
	ranks, err := depth.Persistent(runs, r)
	if err != nil {
		return nil, err
	}
	reach, err := depth.Fixed(s.reach)
	if err != nil {
		return nil, err
	}
	return depth.New(ranks, reach), nil
}

// network is that of one zone: assumed.
func (s shape) network() provisioner.Network {
	return provisioner.Network{
		VM:       provisioner.Path{Latency: 250 * time.Microsecond, BitsPerSec: 5e9},
		Function: provisioner.Path{Latency: 5 * time.Millisecond, BitsPerSec: 1e9},
		Payload:  s.payload, Answer: 256,
	}
}
