package simulate_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/serflow/serflow-go/providers/mock"
	"github.com/serflow/serflow-go/provisioner/simulate"
)

// Two requests before the run has settled are not counted, though one ends after; what is paid from then on is. The VM is
// rented for 101 s, of which 20 are over then; the function is called once more, and is warm.
func TestSettle(t *testing.T) {
	s := split(t)
	s.World = world(mock.Config{Cold: mock.Spread{Median: 200 * ms}})
	s.Traffic, s.Depths = scripted(time.Second, 20*time.Second-5*ms, 60*time.Second, 100*time.Second), scriptedDepths(1, 0, 1, 0)
	s.Until = 100*time.Second + 500*ms
	s.Plan.Functions[0].Cold = 200 * ms
	all := audit(t, s)
	s.Settle = 20 * time.Second
	observed := 0
	s.Observe = func(simulate.Outcome) { observed++ }
	res, err := simulate.Run(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	f, before := res.Functions[0], all.Functions[0]
	want(t, "requests", fmt.Sprint(all.Requests, res.Requests, res.Answered, res.Exits, observed), "4 2 2 [1 1] 2")
	want(t, "calls", fmt.Sprint(before.Calls, before.Cold, f.Calls, f.Cold), "2 1 1 0")
	want(t, "seconds", fmt.Sprint(res.Seconds, res.VMs[0].VMSeconds, all.VMs[0].VMSeconds), "80.5 80.5 100.5")
	want(t, "dollars for the VM", fmt.Sprintf("%.6f %.6f", res.VMs[0].Dollars, all.VMs[0].Dollars), "0.008100 0.010100")
	want(t, "VM's stages", fmt.Sprint(res.VMs[0].StageRuns, res.VMs[0].Launched, all.VMs[0].StageRuns), "3 1 4") // one was under way
	if res.Dollars.Functions >= all.Dollars.Functions/2 || res.Dollars.Functions == 0 {
		t.Errorf("%+v of %+v", res.Dollars, all.Dollars)
	}
	s.Settle = time.Hour
	if _, err := simulate.Run(t.Context(), s); err == nil {
		t.Error("it settles after its end")
	}
}
