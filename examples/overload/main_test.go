package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/serflow/serflow-go/stage/worker"
)

func TestMain(m *testing.M) {
	worker.Main(model)
	os.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0") // or else each child takes a second to exit
	goleak.VerifyTestMain(m)
}

// With twice the traffic that the VMs can carry, Serflow answers about as much in time as
// ever, and more than the proxy.
func TestGoodputAtTwiceTheCapacity(t *testing.T) {
	rows, err := compare(t.Context(), []float64{1, 2}, 4*time.Second, 1)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	print(&out, rows)
	t.Log("\n" + out.String())
	ours, theirs := peak(rows)
	if ours < capacity()/2 || theirs < capacity()/2 {
		t.Errorf("%.0f and %.0f a second at most, of %.0f that the VMs can carry: one of them does not serve", ours, theirs, capacity())
	}
	twice := rows[1]
	if twice.serflow.rate < 0.9*ours {
		t.Errorf("%.1f a second in time, of %.1f at the peak", twice.serflow.rate, ours)
	}
	if early := twice.serflow.early(); 2*early < len(twice.serflow.told) {
		t.Errorf("%d of %d without an answer knew so before their deadline", early, len(twice.serflow.told))
	}
	if twice.proxy.rate >= twice.serflow.rate {
		t.Errorf("the proxy answers %.1f a second in time, Serflow %.1f", twice.proxy.rate, twice.serflow.rate)
	}
}

// Only a reply that says where the request has left counts.
func TestLeft(t *testing.T) {
	for reply, want := range map[string]bool{
		`{"outputs":[{"name":"logits","data":[1]},{"name":"serflow_exit","data":[2]}]}`: true,
		`{"outputs":[{"name":"serflow_exit","data":[1]}]}`:                              false,
		`{"outputs":[{"name":"serflow_exit","data":[]}]}`:                               false,
		`{"outputs":[{"name":"logits","data":[2]}]}`:                                    false,
		`[`: false,
	} {
		if got := left([]byte(reply), 2) == nil; got != want {
			t.Errorf("%s: %v", reply, got)
		}
	}
}

func TestReport(t *testing.T) {
	var out bytes.Buffer
	print(&out, []row{
		{load: 1, serflow: outcome{rate: 100, inTime: 500}, proxy: outcome{rate: 80, inTime: 400, told: []time.Duration{slo}}},
		{load: 2, serflow: outcome{rate: 90, inTime: 450, told: []time.Duration{0, slo / 4, slo / 2, slo}}, proxy: outcome{rate: 20, told: []time.Duration{slo}}},
	})
	for _, want := range []string{"90.0     90 %    3 of 4   150 ms", "20.0     25 %    0 of 1   300 ms", "4.50x", "90 % of its peak in time, and the proxy 25 %"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
}
