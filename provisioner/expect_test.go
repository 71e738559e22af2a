package provisioner_test

import (
	"math"
	"testing"
	"time"

	"github.com/serflow/serflow-go/balancer"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/profile"
)

const century = 100 * 365 * 24 * time.Hour

func TestPathTime(t *testing.T) {
	for name, c := range map[string]struct {
		path  provisioner.Path
		bytes int
		want  time.Duration
	}{
		"nothing":          {provisioner.Path{}, 1000, 0},
		"latency":          {provisioner.Path{Latency: time.Millisecond}, 1000, time.Millisecond},
		"size":             {provisioner.Path{Latency: time.Millisecond, BitsPerSec: 8e6}, 1000, 2 * time.Millisecond},
		"no bytes":         {provisioner.Path{Latency: time.Millisecond, BitsPerSec: 1e-300}, 0, time.Millisecond},
		"a standstill":     {provisioner.Path{BitsPerSec: 1e-300}, 1, century},
		"more than a time": {provisioner.Path{BitsPerSec: 5e-324}, math.MaxInt, century},
		"both":             {provisioner.Path{Latency: century, BitsPerSec: 1e-300}, 1, century},
		"never":            {provisioner.Path{Latency: provisioner.Never}, 1, century},
	} {
		want(t, name, c.path.Time(c.bytes), c.want)
	}
}

// What takes longer than any run is still a time, and a place can be described by it.
func TestExpectWithoutEnd(t *testing.T) {
	times, err := profile.Deterministic([]time.Duration{math.MaxInt64, math.MaxInt64})
	if err != nil {
		t.Fatal(err)
	}
	far := provisioner.Path{Latency: century, BitsPerSec: 1e-300}
	both := whole
	both.Last = 1
	e := provisioner.Expect{
		Plan: provisioner.Plan{
			VMs:       []provisioner.VMGroup{{Stages: both, Offer: small}},
			Functions: []provisioner.FunctionGroup{{Stages: both, Offer: provisioner.FunctionOffer{Name: "fn"}, Cold: provisioner.Never}},
			Reach:     []float64{1, 1},
		},
		Times: map[string]profile.Times{"small": times, "fn": times}, Network: provisioner.Network{VM: far, Function: far, Payload: []int{1, 1}, Answer: 1},
	}
	v, f := e.VM(e.Plan.VMs[0]), e.Function(e.Plan.Functions[0])
	v.ID, f.ID = 1, 2
	b := balancer.New()
	for _, m := range []balancer.Member{v, f} {
		want(t, "on the way", m.Travel, century)
		want(t, "in service", m.Service, []time.Duration{century, century})
		if err := b.Join(m, 0); err != nil {
			t.Error(err)
		}
	}
	want(t, "needed", e.Need(e.Plan.VMs[0], 2), []time.Duration{century, century})
	e.Plan.Functions = nil
	want(t, "needed by the stage itself", e.Need(e.Plan.VMs[0], 2), []time.Duration{century, century})
}

// Where the plan expects nobody, who comes all the same takes the time of a stage.
func TestExpectNobody(t *testing.T) {
	times, err := profile.Deterministic([]time.Duration{1, 10, 100})
	if err != nil {
		t.Fatal(err)
	}
	all := whole
	all.Last = 2
	e := provisioner.Expect{Plan: provisioner.Plan{Reach: []float64{1, 0.5, 0}}, Times: map[string]profile.Times{"small": times}}
	want(t, "service", e.VM(provisioner.VMGroup{Stages: all, Offer: small}).Service, []time.Duration{6, 10, 100})
}
