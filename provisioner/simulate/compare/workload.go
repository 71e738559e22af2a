package compare

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/provisioner/simulate"
	"github.com/serflow/serflow-go/provisioner/simulate/depth"
	"github.com/serflow/serflow-go/provisioner/simulate/oracle"
	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
)

// workload is what all policies are to serve.
type workload struct {
	Ask
	profile *profile.Document // with all offers by name
	ask     planner.Ask
	times   map[string]profile.Times
	draws   []*oracle.Draw // by seed
	counted []*oracle.Draw // those that come when it has settled
	planned string
}

func newWorkload(a Ask) (*workload, error) {
	known, vms, functions, err := a.Prices.Offers(a.Profile)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAsk, err)
	}
	w := &workload{Ask: a, profile: known, times: map[string]profile.Times{}}
	if w.ask, err = planner.AskOf(known, vms, functions); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAsk, err)
	}
	w.ask.SLO = planner.SLO{Quantile: 0.99, Latency: a.SLO}
	w.ask.Traffic = distribution(a.Rates)
	w.ask.Network.VM.DollarsPerGB = a.Prices.Transfer.VM
	w.ask.Network.Function.DollarsPerGB = a.Prices.Transfer.Function
	for _, v := range w.ask.VMs {
		w.times[v.Offer.Name] = v.Times
	}
	for _, f := range w.ask.Functions {
		w.times[f.Offer.Name] = f.Times
	}
	return w, nil
}

func (w *workload) stages() int { return len(w.profile.Stages) }

// reach is 1 of each stage if the profile has none.
func (w *workload) reach() []float64 {
	if w.ask.Reach == nil {
		return slices.Repeat([]float64{1}, w.stages())
	}
	return w.ask.Reach
}

// distribution is the rates in 32 parts, finer towards the peak: that is where VMs overflow.
func distribution(rates []float64) (t planner.Traffic) {
	sorted := slices.Clone(rates)
	slices.Sort(sorted)
	n := float64(len(sorted))
	from := 0
	for i := 1; i <= 32; i++ {
		below := 1 - math.Pow(1-float64(i)/32, 1.5)
		to := int(math.Round(below * n))
		if to <= from {
			continue
		}
		sum := 0.0
		for _, x := range sorted[from:to] {
			sum += x
		}
		t.Rates = append(t.Rates, planner.Rate{PerSecond: sum / float64(to-from), Share: float64(to-from) / n})
		from = to
	}
	return t
}

func (w *workload) length() time.Duration { return time.Duration(len(w.Rates)) * time.Second }

// counts is how much of that is counted.
func (w *workload) counts() time.Duration { return w.length() - w.Settle }

// requests are the run's: without exits all go to the end.
func (w *workload) requests(full bool, seed int) simulate.Scenario {
	return simulate.Scenario{
		Stages: w.stages(), SLO: w.SLO, Times: w.times, Network: w.ask.Network, Seed: w.Seed + uint64(seed), Until: w.length(), Settle: w.Settle,
		Traffic: func(r *rand.Rand) (traffic.Source, error) { return traffic.Seconds(w.Rates, r) },
		Depths: func(r *rand.Rand) (depth.Source, error) {
			if full {
				return depth.Independent(slices.Repeat([]float64{1}, w.stages()), r)
			}
			reach, err := w.drift()
			if err != nil {
				return nil, err
			}
			ranks, err := depth.Persistent(w.Runs, r)
			if err != nil {
				return nil, err
			}
			return depth.New(ranks, reach), nil
		},
		World: func(r *rand.Rand) (simulate.World, error) { return newWorld(w.profile, r), nil },
	}
}

// drift is the reach over a run.
func (w *workload) drift() (depth.Reach, error) {
	if w.Reach != nil {
		return w.Reach()
	}
	return depth.Fixed(w.reach())
}

// draw looks at the requests of each seed, from one on, before they come.
func (w *workload) draw(ctx context.Context, from int) error {
	w.draws = append(w.draws, make([]*oracle.Draw, w.Seeds-from)...)
	w.counted = append(w.counted, make([]*oracle.Draw, w.Seeds-from)...)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for seed := from; seed < w.Seeds; seed++ {
		group.Go(func() (err error) {
			if err := ctx.Err(); err != nil {
				return err
			}
			if w.draws[seed], err = oracle.NewDraw(w.stages(), w.SLO); err != nil {
				return fmt.Errorf("%w: %w", ErrAsk, err)
			}
			if w.counted[seed], err = oracle.NewDraw(w.stages(), w.SLO); err != nil {
				return fmt.Errorf("%w: %w", ErrAsk, err)
			}
			return w.requests(false, seed).Requests(func(at time.Duration, exit int) {
				w.draws[seed].Add(at, exit)
				if at >= w.Settle {
					w.counted[seed].Add(at-w.Settle, exit)
				}
			})
		})
	}
	return group.Wait()
}

// bound is the least for a seed. VMs boot no faster than the profile has seen; if something was before that is not
// counted, boots are free: they may have been then.
func (w *workload) bound(seed int) (oracle.Bound, error) {
	a := w.ask
	a.VMs = slices.Clone(a.VMs)
	for i, v := range a.VMs {
		a.VMs[i].Boot = 0
		if boots := w.profile.Offers[v.Offer.Name].Boot; len(boots) > 0 && w.Settle == 0 {
			a.VMs[i].Boot = slices.Min(boots)
		}
	}
	return oracle.LowerBound(a, w.counted[seed], true)
}
