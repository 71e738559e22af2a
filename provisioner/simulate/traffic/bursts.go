package traffic

import (
	"math"
	"math/rand/v2"
	"time"
)

// Bursts are rates for each second, for Seconds, with a given mean in requests per second: a day's curve
// from the morning on, and bursts of some minutes to 1.5 to 3 times as much, one in half an hour or so. It is nobody's
// traffic, but has what makes scaling hard; the same seed gives the same rates. A length below a second has none.
func Bursts(mean float64, length time.Duration, seed uint64) []float64 {
	r := rand.New(rand.NewPCG(seed, 0))
	rates, sum := make([]float64, max(int(length/time.Second), 0)), 0.0
	next := r.ExpFloat64() * 1800
	factor, until := 1.0, 0.0
	for i := range rates {
		now := float64(i)
		if now >= next {
			factor, until = 1.5+1.5*r.Float64(), now+60+r.ExpFloat64()*180
			next = until + r.ExpFloat64()*1800
		}
		if now >= until {
			factor = 1
		}
		day := 1 - 0.6*math.Cos(2*math.Pi*(now/86400+0.2))
		rates[i] = day * factor
		sum += rates[i]
	}
	for i := range rates {
		rates[i] *= mean * float64(len(rates)) / sum
	}
	return rates
}
