package compare

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/provisioner/simulate"
)

func TestFigure(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   string
	}{
		{[]float64{5}, "5.00"},
		{[]float64{1, 2, 3}, "2.00 ±2.48"}, // 4.303 / sqrt 3
		{[]float64{1, 1, 1, 1}, "1.00"},
	} {
		if got := figure(c.values).Text(2); got != c.want {
			t.Errorf("%v: %s, want %s", c.values, got, c.want)
		}
	}
	// 95 of 100 intervals have the true mean, give or take three standard deviations.
	r, hits := rand.New(rand.NewPCG(1, 2)), 0
	for range 2000 {
		values := make([]float64, 4)
		for i := range values {
			values[i] = r.NormFloat64()
		}
		if f := figure(values); math.Abs(f.Mean) <= f.Half {
			hits++
		}
	}
	if hits < 1870 || hits > 1930 {
		t.Errorf("%d of 2000 intervals", hits)
	}
}

func TestWorld(t *testing.T) {
	d := &profile.Document{Offers: map[string]*profile.Offer{
		"vm": {Boot: profile.Samples{40 * time.Second, 60 * time.Second}}, "fn": {Cold: profile.Samples{time.Second}},
	}}
	w := newWorld(d, rand.New(rand.NewPCG(1, 1)))
	boots := map[time.Duration]int{}
	for _, l := range w.Launch(0, provisioner.VMOffer{Name: "vm"}, 1000).VMs {
		boots[l.Boot]++
		if l.Notice != simulate.Never || l.Lost != simulate.Never {
			t.Fatalf("%+v", l)
		}
	}
	if len(boots) != 2 || boots[40*time.Second] < 400 {
		t.Errorf("boots %v", boots)
	}
	lived := 0.0
	for _, l := range w.Launch(0, provisioner.VMOffer{Name: "vm", Market: provisioner.Spot, Interruptions: 2}, 1000).VMs {
		lived += l.Notice.Hours() / 1000
		if l.Lost != l.Notice+notice {
			t.Fatalf("%+v", l)
		}
	}
	if lived < 0.45 || lived > 0.55 {
		t.Errorf("spot VMs get their notice after %v hours", lived)
	}
	fn := provisioner.FunctionOffer{Name: "fn", Concurrency: 2}
	var got []string
	call := func(now time.Duration) {
		cold, ok := w.Call(now, 1, fn)
		got = append(got, fmt.Sprint(cold, " ", ok))
	}
	call(0)
	call(0)
	call(0) // one too many
	w.Return(time.Second, 1)
	call(2 * time.Second) // warm
	w.Return(3*time.Second, 1)
	w.Return(4*time.Second, 1)
	call(4*time.Second + keepAlive) // both are gone
	if want := "[1s true 1s true 0s false 0s true 1s true]"; fmt.Sprint(got) != want {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestDistribution(t *testing.T) {
	var rates []float64
	sum := 0.0
	for i := range 1000 {
		rates = append(rates, float64((i*7919)%1000))
		sum += rates[i] / 1000
	}
	d := distribution(rates)
	shares := 0.0
	for _, r := range d.Rates {
		shares += r.Share
	}
	if math.Abs(d.Mean()-sum) > 1e-9 || math.Abs(shares-1) > 1e-12 || d.Peak() < 990 {
		t.Errorf("mean %v, want %v; peak %v; shares %v", d.Mean(), sum, d.Peak(), shares)
	}
}
