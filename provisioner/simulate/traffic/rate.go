package traffic

import (
	"math"
	"time"
)

// Rate is a rate of arrivals, in requests per second, that changes with time.
type Rate struct {
	At func(now time.Duration) float64
	// Bounds are rates that At stays between, these included, from one time to another. Any
	// will do; the closer they are, the faster are the arrivals.
	Bounds func(from, to time.Duration) (least, most float64)
}

// Daily is mean*(1 + swing*cos(2*pi*(t-peak)/24h)): a cycle with its peak at that time
// of each day. Swing is from 0 to 1.
func Daily(mean, swing float64, peak time.Duration) Rate {
	const day = 24 * time.Hour
	const radians = 2 * math.Pi / float64(day) // per ns
	at := func(now time.Duration) float64 {
		return mean * (1 + swing*math.Cos(radians*float64((now-peak)%day)))
	}
	return Rate{
		At: at,
		Bounds: func(from, to time.Duration) (least, most float64) {
			half := (to - from) / 2
			middle, change := at(from+half), mean*swing*radians*float64(half+1)
			return max(middle-change, mean*(1-swing)), min(middle+change, mean*(1+swing))
		},
	}
}

// Step is one rate before a time, and another from then on.
func Step(before, after float64, at time.Duration) Rate {
	return Ramp(before, after, at, at)
}

// Ramp is one rate before begin, another from end on, and a straight line between.
func Ramp(before, after float64, begin, end time.Duration) Rate {
	slope := (after - before) / float64(end-begin)
	at := func(now time.Duration) float64 {
		switch {
		case now < begin:
			return before
		case now >= end:
			return after
		}
		return before + slope*float64(now-begin)
	}
	return Rate{
		At: at,
		Bounds: func(from, to time.Duration) (least, most float64) {
			return min(at(from), at(to)), max(at(from), at(to))
		},
	}
}
