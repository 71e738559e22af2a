package traffic

import (
	"fmt"
	"time"
)

// Smoothed are the rates of each second of which requests were counted: the mean over that second and half of a window
// before and after it, cut off at the ends, as Redraw has it. The window is at most a day; 0 means Smoothing.
func Smoothed(counts []uint32, window time.Duration) ([]float64, error) {
	if window < 0 || window > 24*time.Hour {
		return nil, fmt.Errorf("%w: a window of %v: use at most a day", ErrSettings, window)
	}
	if window == 0 {
		window = Smoothing
	}
	half := int(window / 2 / time.Second)
	rates, sum, from, to := make([]float64, len(counts)), 0, 0, 0
	for i := range counts {
		for ; to < len(counts) && to <= i+half; to++ {
			sum += int(counts[to])
		}
		for ; from < i-half; from++ {
			sum -= int(counts[from])
		}
		rates[i] = float64(sum) / float64(to-from)
	}
	return rates, nil
}
