package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/serflow/serflow-go/internal/load"
	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
)

// row is one load, as each has served it.
type row struct {
	load           float64 // of what the VMs can carry
	serflow, proxy outcome
}

// outcome is what became of a load.
type outcome struct {
	inTime int             // answered within the SLO
	told   []time.Duration // the others: after how long they knew, in order
	rate   float64         // of inTime, a second: the goodput
}

// client has a request served that leaves at a stage; an error is no answer.
type client func(ctx context.Context, depth int) error

// compare serves each load by Serflow, and then the same requests by a reverse proxy.
func compare(ctx context.Context, loads []float64, length time.Duration, seed uint64) (rows []row, err error) {
	f, err := rent(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.end()) }()
	proxy, err := f.proxy(ctx)
	if err != nil {
		return nil, err
	}
	defer proxy.close()
	for i, of := range loads {
		r := row{load: of}
		rate := of * capacity()
		arrivals, err := load.Arrivals(traffic.Ramp(rate, rate, 0, length), length, seed+uint64(i))
		if err != nil {
			return nil, err
		}
		if r.serflow, err = play(ctx, arrivals, length, seed, f.infer); err != nil {
			return nil, err
		}
		if r.proxy, err = play(ctx, arrivals, length, seed, proxy.infer); err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// play sends requests as they come, whether those before have been answered or not. Their
// clients go away when the SLO is over; what is answered after it does not count.
func play(ctx context.Context, arrivals []time.Duration, length time.Duration, seed uint64, infer client) (outcome, error) {
	r := rand.New(rand.NewPCG(seed, 2))
	depths := make([]int, len(arrivals))
	for i := range depths {
		depths[i] = load.Depth(r, reach)
	}
	var o outcome
	var mu sync.Mutex
	begun := time.Now()
	err := load.Play(ctx, arrivals, nil, func(i int) {
		due := begun.Add(arrivals[i])
		ctx, cancel := context.WithDeadline(ctx, due.Add(slo))
		defer cancel()
		err := infer(ctx, depths[i])
		took := time.Since(due)
		mu.Lock()
		defer mu.Unlock()
		if err == nil && took <= slo {
			o.inTime++
			return
		}
		o.told = append(o.told, took)
	})
	slices.Sort(o.told)
	o.rate = float64(o.inTime) / length.Seconds()
	return o, err
}
