package simulate_test

import (
	"io"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/serflow/serflow-go/balancer"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/provisioner/simulate"
	"github.com/serflow/serflow-go/provisioner/simulate/depth"
	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
)

// queueing is one VM under Poisson traffic, and what theory says of it: M/M/c with c
// slots, M/G/1 with one.
type queueing struct {
	name    string
	slots   int
	load    float64
	service func(mean []time.Duration) (profile.Times, error)
	wait    truth
	waiting truth // of the probability of waiting; zero if it is not compared
}

// truth is a mean in the long run, and its asymptotic variance: see khinchineSpread.
type truth struct{ mean, spread float64 }

// queueings are the systems that are compared, at one load.
func queueings(load float64) []queueing {
	single := func(name string, s moments, service func([]time.Duration) (profile.Times, error)) queueing {
		wait := truth{khinchineWait(s, load), khinchineSpread(s, load)}
		return queueing{name: name, slots: 1, load: load, service: service, wait: wait}
	}
	const slots, cv = 4, 1.5
	return []queueing{
		{
			name: "M/M/4", slots: slots, load: load, service: profile.Exponential,
			wait:    truth{erlangWait(slots, load), erlangWaitSpread(slots, load)},
			waiting: truth{erlangC(slots, load), erlangCSpread(slots, load)},
		},
		single("exponential", exponential, profile.Exponential),
		single("deterministic", deterministic, profile.Deterministic),
		single("log-normal", logNormal(cv), func(mean []time.Duration) (profile.Times, error) { return profile.LogNormal(mean, cv) }),
	}
}

// An interval comes from the means of this many batches of successive requests, in the
// order in which they end. One more batch comes first, to fill the system, and is
// not counted. A batch is long against (1+cv^2) / (1-load)^2 services, the order of the
// time in which the system forgets, so that the means are nearly independent and normal.
const batches = 60

// student is the half width of a 99 % interval in standard errors.
var student = distuv.StudentsT{Sigma: 1, Nu: batches - 1}.Quantile(0.995)

// requests is how many make an interval of this full width, relative to the mean. The
// standard error itself is only known to 1/sqrt(2*59) = 9 %, so there are enough for an
// interval that is narrower by a factor of 1.3. The number is fixed beforehand: to stop
// once an interval looks narrow enough would bias it.
func (q queueing) requests(width float64) int {
	need := 0.0
	for _, x := range []truth{q.wait, q.waiting} {
		if x.mean > 0 {
			need = max(need, x.spread/(x.mean*x.mean))
		}
	}
	return int(need * math.Pow(1.3*student/(width/2), 2))
}

// agree asserts that 99 % intervals are at most as wide as this, relative to the mean,
// and hold what theory says. The first seed is 1. Of 100 intervals about one misses, so a miss is
// told and tried again with seed 2; only two in a row, 1 in 10,000, are a failure.
func (q queueing) agree(t *testing.T, width float64) {
	t.Helper()
	for seed := uint64(1); seed <= 2; seed++ {
		wait, waiting := q.run(t, q.requests(width), seed)
		held := q.wait.within(t, "mean wait", wait, width)
		if q.waiting.mean > 0 {
			held = q.waiting.within(t, "probability of waiting", waiting, width) && held
		}
		if held {
			return
		}
	}
	t.Error("theory is outside the intervals of two seeds in a row")
}

// within asserts the width, and reports whether the interval holds the truth.
func (x truth) within(t *testing.T, what string, means []float64, width float64) bool {
	t.Helper()
	mean, deviation := stat.MeanStdDev(means, nil)
	half := student * deviation / math.Sqrt(batches)
	held := math.Abs(mean-x.mean) <= half
	t.Logf("%s: theory %.6g, simulated %.6g +- %.2g (%.2f %% wide), holds theory: %v", what, x.mean, mean, half, 200*half/mean, held)
	if !(2*half <= width*mean) {
		t.Errorf("%s: the interval is %.2f %% wide, want at most %.2f %%", what, 200*half/mean, 100*width)
	}
	return held
}

// meanService is long against a nanosecond, the engine's unit.
const meanService = time.Millisecond

// run simulates at least n requests, and one batch more. It returns the batch means of
// the wait, in mean services, and of whether a request has waited.
func (q queueing) run(t *testing.T, n int, seed uint64) (wait, waiting []float64) {
	t.Helper()
	size, ended := (n+batches-1)/batches, 0
	wait, waiting = make([]float64, batches), make([]float64, batches)
	s := q.scenario(t, size*(batches+1))
	s.Seed = seed
	s.Observe = func(o simulate.Outcome) {
		if b := ended/size - 1; b >= 0 && o.Waited > 0 {
			wait[b] += float64(o.Waited) / float64(meanService) / float64(size)
			waiting[b] += 1 / float64(size)
		}
		ended++
	}
	r, err := simulate.Run(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if want := size * (batches + 1); r.Answered != want || r.VMs[0].Requests != want {
		t.Fatalf("%d answers, %d attempts, want %d of each: theory knows no failures and no second attempts", r.Answered, r.VMs[0].Requests, want)
	}
	return wait, waiting
}

func (q queueing) scenario(t *testing.T, requests int) simulate.Scenario {
	t.Helper()
	times, err := q.service([]time.Duration{meanService})
	if err != nil {
		t.Fatal(err)
	}
	offer := provisioner.VMOffer{Name: "vm", PerHour: 0.1}
	rate := q.load * float64(q.slots) / meanService.Seconds()
	return simulate.Scenario{
		Stages:  1,
		Plan:    provisioner.Plan{VMs: []provisioner.VMGroup{{Offer: offer, VMs: 1, Slots: q.slots, MaxBatch: 1}}},
		Times:   map[string]profile.Times{offer.Name: times},
		Running: true,
		// So patient that no request is taken from the VM. Still more would only cost
		// memory: a request's timer stays among the events until it is due.
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
