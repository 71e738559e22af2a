package drift_test

import (
	"fmt"
	"time"

	"github.com/serflow/serflow-go/exit/drift"
)

func ExampleMonitor() {
	// Validation says that half of the requests leave at the first exit and 30 % at the second.
	m, err := drift.New(drift.Config{Stages: 3, Reference: []float64{0.5, 0.3, 0.2}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for second := range 3600 {
		now := time.Duration(second) * time.Second
		left := []int{50, 30, 20} // where 100 requests left in this second
		if second >= 1800 {
			left = []int{40, 40, 20}
		}
		changed := false
		for stage, n := range left {
			changed = m.Add(now, stage, n) || changed
		}
		if changed {
			for _, a := range m.Alarms() {
				fmt.Printf("%v: %.0f %% reach stage %d, not %.0f %%\n", now, 100*a.Seen, a.Stage+1, 100*a.Expected)
			}
		}
	}
	// Output:
	// 31m50s: 60 % reach stage 2, not 50 %
}
