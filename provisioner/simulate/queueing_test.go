package simulate_test

import (
	"io"
	"math/rand/v2"
	"testing"
	"time"


	"github.com/serflow/serflow-go/balancer"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/provisioner/simulate"
	"github.com/serflow/serflow-go/provisioner/simulate/depth"
	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
	"github.com/serflow/serflow-go/stage"
)

// The engine against queueing theory: one VM with c slots and exponential service is
// M/M/c, and one with a single slot M/G/1. Times are measured in mean services.

// queueing is one VM under Poisson traffic.
type queueing struct {
	slots   int
	load    float64
	service profile.Times
}

// seed is the one that all these runs have, and was not chosen.
const seed = 1

// meanService is long against a nanosecond, which is the engine's unit.
const meanService = time.Millisecond

// An interval comes from the means of this many batches of successive requests, after
// one more batch that fills the system and is not counted. A batch is long
// against the time in which the system forgets, which is of the order of
// (1+cv^2) / (1-load)^2 services, so that the means are nearly independent and normal.
const batches = 60

// means are batch means.
type means struct {
	wait    [batches]float64 // of the wait in mean services
	waiting [batches]float64 // of 1 for a request that has waited and 0 for one that has not
}

// run simulates at least n requests and one batch more.
func (q queueing) run(t *testing.T, n int, seed uint64) *means {
	t.Helper()
	m, size, ended := &means{}, (n+batches-1)/batches, 0
	s := q.scenario(size * (batches + 1))
	s.Seed = seed
	s.Observe = func(o simulate.Outcome) {
		if b := ended/size - 1; b >= 0 {
			m.wait[b] += o.Waited.Seconds() / meanService.Seconds() / float64(size)
			if o.Waited > 0 {
				m.waiting[b] += 1 / float64(size)
			}
		}
		ended++
	}
	r, err := simulate.Run(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if want := size * (batches + 1); r.Answered != want || r.VMs[0].Requests != want {
		t.Fatalf("%d answers after %d attempts, want %d of each: a formula knows of no failures and no second attempts", r.Answered, r.VMs[0].Requests, want)
	}
	return m
}

func (q queueing) scenario(requests int) simulate.Scenario {
	rate := q.load * float64(q.slots) / meanService.Seconds()
	return simulate.Scenario{
		Stages: 1,
		Plan: provisioner.Plan{VMs: []provisioner.VMGroup{
			{Stages: stage.Range{}, Offer: provisioner.VMOffer{Name: "vm", PerHour: 0.1}, VMs: 1, Slots: q.slots, MaxBatch: 1},
		}},
		Times:   map[string]profile.Times{"vm": q.service},
		Running: true,
		// So patient that no request is taken from the VM. More would do no harm but
		// to memory: a timer stays among the events until it is due.
		Rules:  balancer.Rules{Patience: 1000},
		Depths: func(r *rand.Rand) (depth.Source, error) { return depth.Independent([]float64{1}, r) },
		Traffic: func(r *rand.Rand) (traffic.Source, error) {
			s, err := traffic.Poisson(rate, simulate.Never, r)
			return &first{s, requests}, err
		},
	}
}

// first is the first arrivals of a source.
type first struct {
	traffic.Source
	left int
}

func (f *first) Next() (time.Duration, error) {
	if f.left == 0 {
		return 0, io.EOF
	}
	f.left--
	return f.Source.Next()
}
