package watch

import "math"

// rivals is how many rates evidence is gathered for at once.
const rivals = 5

// weight of each rival, nearest to the limit first. The far ones have little: gross failures are
// soon found all the same, and a few errors in a row are what is seen by chance most often.
var weight = [rivals]float64{0.35, 0.35, 0.2, 0.08, 0.02}

// evidence is that a rate is on the far side of a limit. It is a weighted mean of detectors of
// Shiryaev and Roberts, r = (1+r) * likelihood ratio, each for another rate beyond the limit.
//
// As long as the rate is on the near side, given all that was seen before, the ratio has a
// mean of at most 1, so r less the number of samples does not rise in the mean. Hence in n samples
// from nothing it comes to a level A with probability n/A at most (Doob). Unlike with a test
// of a fixed sample, one may look after each of them. (Pollak, Ann. Stat. 1985; with mixtures, and
// without more assumptions than the one above: Shin, Ramdas and Rinaldo, "E-detectors", 2023, arXiv
// 2203.03532.)
type evidence struct {
	hit, miss [rivals]float64 // likelihood ratios
	level     float64         // that is enough
	most      [rivals]float64 // at which r is held, lest what is long past weighs for ever
	r         [rivals]float64
}

// above looks for rates beyond limit, by half a point to ten.
func above(limit, level float64) evidence {
	var rates [rivals]float64
	for i, d := range [rivals]float64{0.005, 0.01, 0.02, 0.05, 0.1} {
		rates[i] = min(limit+d, (1+limit)/2)
	}
	return gather(limit, rates, level)
}

// below looks for rates that are this share of the limit.
func below(limit, level float64) evidence {
	var rates [rivals]float64
	for i, share := range [rivals]float64{0.9, 0.75, 0.5, 0.25, 0.05} {
		rates[i] = share * limit
	}
	return gather(limit, rates, level)
}

func gather(limit float64, rates [rivals]float64, level float64) evidence {
	e := evidence{level: level}
	for i, rate := range rates {
		e.most[i] = level / weight[i] // enough by itself
		e.hit[i], e.miss[i] = rate/limit, (1-rate)/(1-limit)
	}
	return e
}

func (e *evidence) add(hit bool) {
	ratio := &e.miss
	if hit {
		ratio = &e.hit
	}
	for i := range e.r {
		e.r[i] = min((1+e.r[i])*ratio[i], e.most[i])
	}
}

func (e *evidence) enough() bool {
	sum := 0.0
	for i, r := range e.r {
		sum += weight[i] * r
	}
	return sum >= e.level
}

// restore takes over what was gathered, as far as it would have been held.
func (e *evidence) restore(r [rivals]float64) {
	for i, x := range r {
		e.r[i] = min(x, e.most[i])
	}
}

func sound(r [rivals]float64) bool {
	for _, x := range r {
		if !(x >= 0) || math.IsInf(x, 0) {
			return false
		}
	}
	return true
}
