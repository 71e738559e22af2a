package planner

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/serflow/serflow-go/provisioner/profile"
)

// Sizes is a function in other memory sizes, in MB, than the one that it was measured in.
// The cloud gives a vCPU for each perVCPU MB: 1,769 on AWS Lambda. With less than one vCPU a
// stage takes as many times longer, so that GB-seconds stay the same; with more it is
// faster by what speedup says of that many vCPUs over one, measured: nil if the work has one
// thread. Names are the function's with the size behind it. The error wraps ErrAsk.
func Sizes(f Function, perVCPU int, speedup func(vcpus float64) float64, sizes ...int) ([]Function, error) {
	if perVCPU <= 0 || f.Offer.MemoryMB <= 0 || f.Times == nil {
		return nil, fmt.Errorf("%w: sizes of function %q of %d MB with %d MB a vCPU: give its size, its times and what makes a vCPU", ErrAsk, f.Offer.Name, f.Offer.MemoryMB, perVCPU)
	}
	speed := func(mb int) float64 {
		vcpus := float64(mb) / float64(perVCPU)
		switch {
		case vcpus <= 1:
			return vcpus
		case speedup == nil:
			return 1
		}
		return speedup(vcpus)
	}
	var functions []Function
	for _, mb := range sizes {
		slower := speed(f.Offer.MemoryMB) / speed(mb)
		if mb <= 0 || !finite(slower) || slower == 0 {
			return nil, fmt.Errorf("%w: function %q in %d MB would take %v times as long: give sizes and speed-ups above 0", ErrAsk, f.Offer.Name, mb, slower)
		}
		g := f
		g.Offer.MemoryMB = mb
		g.Offer.Name = fmt.Sprintf("%s-%d", f.Offer.Name, mb)
		if slower != 1 {
			g.Times = scaled{f.Times, slower}
		}
		functions = append(functions, g)
	}
	return functions, nil
}

// scaled takes times that are so many times as long.
type scaled struct {
	profile.Times
	by float64
}

func (s scaled) Draw(stage, rows int, r *rand.Rand) time.Duration {
	return s.times(s.Times.Draw(stage, rows, r))
}

func (s scaled) Mean(stage, rows int) time.Duration { return s.times(s.Times.Mean(stage, rows)) }

func (s scaled) Quantile(stage, rows int, q float64) time.Duration {
	return s.times(s.Times.Quantile(stage, rows, q))
}

func (s scaled) times(d time.Duration) time.Duration { return max(toDuration(s.by*d.Seconds()), 1) }

// toDuration is seconds as a Duration, a century at most.
func toDuration(seconds float64) time.Duration {
	return time.Duration(min(max(seconds, 0), 100*365*24*3600) * float64(time.Second))
}
