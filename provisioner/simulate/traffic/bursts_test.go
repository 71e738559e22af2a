package traffic_test

import (
	"math"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
)

// Bursts have the mean that was asked for, and bursts.
func TestBursts(t *testing.T) {
	rates := traffic.Bursts(50, 6*time.Hour, 3)
	sum, most := 0.0, 0.0
	for _, x := range rates {
		sum, most = sum+x, max(most, x)
	}
	if mean := sum / float64(len(rates)); math.Abs(mean-50) > 1e-9 || most < 100 || len(rates) != 6*3600 {
		t.Errorf("mean %v, most %v, %d seconds", mean, most, len(rates))
	}
	if len(traffic.Bursts(50, -time.Second, 3)) != 0 {
		t.Error("rates of no time")
	}
}
