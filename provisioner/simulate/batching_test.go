package simulate_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/serflow/serflow-go/balancer"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/provisioner/simulate"
	"github.com/serflow/serflow-go/stage/worker/queue"
)

// batching is a VM with a BERT-like model: four stages of 45 ms on average for a row, of which
// batches of 16 have gain times the throughput. Load is that of the VM with full batches.
type batching struct {
	gain, load float64
	slots      int
	slo        time.Duration
	rows       float64 // expected
	seed       uint64
}

// steep is the gain in batches of 16 of a batch that takes 5 % longer with each row more.
const steep = 16 / 1.75

const fullPass = 4 * 45 * ms

func (b batching) scenario(t testing.TB) simulate.Scenario {
	t.Helper()
	times, err := profile.LogNormal([]time.Duration{45 * ms, 45 * ms, 45 * ms, 45 * ms}, 0.3)
	if err != nil {
		t.Fatal(err)
	}
	if times, err = profile.BatchGain(times, b.gain); err != nil {
		t.Fatal(err)
	}
	reach := []float64{1, 0.65, 0.3, 0.05}
	work := 0.0 // seconds of a slot for a request
	for s, r := range reach {
		work += r * times.Mean(s, 16).Seconds() / 16
	}
	rate := b.load * float64(b.slots) / work
	s := simulate.Scenario{
		Stages: 4,
		Plan: provisioner.Plan{
			Reach: reach,
			VMs:   []provisioner.VMGroup{{Stages: stages(0, 3), Offer: vmOffer, VMs: 1, Slots: b.slots, MaxBatch: 16}},
		},
		Times: map[string]profile.Times{"vm": times}, SLO: b.slo, Running: true, Seed: b.seed,
		Traffic: poisson(rate, time.Duration(b.rows/rate*1e9)), Depths: independent(reach...),
	}
	s.Rules.Patience = 1e6 // one VM, whose queue alone is looked at
	s.Rules.Without = balancer.Deadlines | balancer.Hedging
	return s
}

// The rivals: rows one by one, and batches of whatever is there.
func alone(c *queue.Config)  { c.MaxBatch = 1 }
func greedy(c *queue.Config) { c.Curve = nil }
func ours(*queue.Config)     {}

func (b batching) run(t testing.TB, change func(*queue.Config)) simulate.Result {
	t.Helper()
	res, err := simulate.RunQueues(t.Context(), b.scenario(t), change)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// Where batches gain nothing there are none: not a single request fares otherwise.
func TestBatchingOffOnFlatCurve(t *testing.T) {
	for _, load := range []float64{0.3, 0.7, 0.95, 1.5} {
		b := batching{gain: 1, load: load, slots: 2, slo: 5 * fullPass, rows: 4000, seed: 1}
		if got, want := b.run(t, ours), b.run(t, alone); !reflect.DeepEqual(got, want) {
			t.Errorf("load %v: %+v, without batches %+v", load, got, want)
		}
	}
}

// At half as much again as rows one by one can be served, batches serve it all.
func TestBatchingCarriesMore(t *testing.T) {
	for seed := range uint64(3) {
		b := batching{gain: steep, load: 1.5 / steep, slots: 1, slo: 5 * fullPass, rows: 6000, seed: seed}
		if got, without := b.run(t, ours).SLO.Within, b.run(t, alone).SLO.Within; got < 0.99 || without > 0.8 {
			t.Errorf("seed %d: %.4f within the SLO, without batches %.4f", seed, got, without)
		}
	}
}

// Rows that go on wait for others to go on with, or else deep stages would run almost empty.
func TestBatchingRefills(t *testing.T) {
	for seed := range uint64(3) {
		b := batching{gain: steep, load: 0.95, slots: 4, slo: 5 * fullPass, rows: 20000, seed: seed}
		if got, without := b.run(t, ours).SLO.Within, b.run(t, greedy).SLO.Within; got < 0.99 || without > 0.8 {
			t.Errorf("seed %d: %.4f within the SLO, %.4f if the earliest deadline is always first", seed, got, without)
		}
	}
}

// BenchmarkBatching shows what batching does for a VM of one slot with an SLO of five times the full
// pass, by the gain of batches of 16 and the load: the share within the SLO, answers a
// second, and the 99th percentile of those that are answered.
func BenchmarkBatching(b *testing.B) {
	for _, gain := range []float64{1, 1.4, steep} {
		for _, load := range []float64{0.3, 0.7, 0.95} {
			for _, how := range []struct {
				name   string
				change func(*queue.Config)
			}{{"alone", alone}, {"greedy", greedy}, {"ours", ours}} {
				b.Run(fmt.Sprintf("gain=%.1f/load=%v/%s", gain, load, how.name), func(b *testing.B) {
					var within, answers, p99 float64
					for b.Loop() {
						res := batching{gain: gain, load: load, slots: 1, slo: 5 * fullPass, rows: 50000, seed: 1}.run(b, how.change)
						within, answers, p99 = res.SLO.Within, float64(res.Answered)/res.Seconds, res.Latency.P99
					}
					b.ReportMetric(100*within, "%within")
					b.ReportMetric(answers, "answers/s")
					b.ReportMetric(1e3*p99, "p99-ms")
				})
			}
		}
	}
}
