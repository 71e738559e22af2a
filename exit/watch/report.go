package watch

import (
	"math"

	"github.com/serflow/serflow-go/exit"
)

// Agreement is how often early answers were the last exit's, in the recent samples.
type Agreement struct {
	Left      int     // samples that leave there, or would
	Agree     int     // of these, those with the last exit's class
	Low, High float64 // interval for the share that agrees, at Confidence; 0 and 1 of no samples
	Expected  float64 // the share of Reference; 1 of no rows
	// Excess is how many more samples disagree than in Reference, in points of all samples, so
	// that the exit with the most is the one to look at, and the sum is what Bound bounds.
	Excess float64
	Below  bool // the interval lies below Expected less Bound
}

// Report is what is known of one rung.
type Report struct {
	Rung     int
	All      Agreement
	Exits    []Agreement // one a stage
	Unusable int         // samples, since the start, whose last exit saw a bad row or that did not fit
}

// Report is that of a rung, in force or not; of full depth, that of the rung before it. The
// reference is that of Config.Start, also for other rungs. Below is for people to look at: the
// alarm looks after each sample, for which this interval is not made.
func (w *Watch) Report(rung int) Report {
	rung = max(min(rung, len(w.rungs)-1), 0)
	recent := w.rungs[rung].recent()
	seen, _ := total(recent)
	rows, _ := total(w.config.Reference)
	r := Report{Rung: rung, All: w.agreement(sumOf(recent), sumOf(w.config.Reference), seen, rows), Unusable: w.unusable}
	for k, t := range recent {
		r.Exits = append(r.Exits, w.agreement(t, w.config.Reference[k], seen, rows))
	}
	return r
}

// agreement of a tally out of so many samples, against that of the reference's rows.
func (w *Watch) agreement(t, reference exit.Tally, seen, rows int) Agreement {
	a := Agreement{Left: t.Left, Agree: t.Agree, Expected: 1}
	a.Low, a.High = wilson(t.Agree, t.Left, w.config.Confidence)
	if reference.Left > 0 {
		a.Expected = float64(reference.Agree) / float64(reference.Left)
	}
	if seen > 0 {
		a.Excess = 100 * (float64(t.Left-t.Agree)/float64(seen) - float64(reference.Left-reference.Agree)/float64(rows))
	}
	a.Below = a.High < a.Expected-w.config.Bound/100
	return a
}

func sumOf(exits []exit.Tally) exit.Tally {
	left, agree := total(exits)
	return exit.Tally{Left: left, Agree: agree}
}

// wilson is the score interval for the share of k in n (Wilson, J. Am. Stat. Assoc. 1927).
func wilson(k, n int, confidence float64) (low, high float64) {
	if n == 0 {
		return 0, 1
	}
	z := math.Sqrt2 * math.Erfinv(confidence)
	count, share := float64(n), float64(k)/float64(n)
	middle := share + z*z/(2*count)
	half := z * math.Sqrt(share*(1-share)/count+z*z/(4*count*count))
	scale := 1 + z*z/count
	return max((middle-half)/scale, 0), min((middle+half)/scale, 1)
}
