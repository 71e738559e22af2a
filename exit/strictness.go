package exit

import "math"

// Accepts tells whether p leaves on a score: the top probability for maxprob, the
// normalised entropy, the margin, or the run of agreeing exits for patience. Final
// accepts any score, also NaN, and Never none. A bad row has no score: do not ask.
//
// So one Decision answers for every threshold of its kind and temperature: what stricter
// or looser policies would have done with a row needs no second look at its logits.
func (p Policy) Accepts(score float64) bool {
	switch p.Kind {
	case KindMaxProb, KindMargin:
		return score >= p.Threshold
	case KindEntropy:
		return score <= p.Threshold
	case KindPatience:
		return p.Patience >= 1 && score >= float64(p.Patience)
	}
	return p.Kind == KindFinal
}

// Stricter takes away the share f, from 0 to 1, of the doubt that p allows: maxprob and
// margin rise that far towards 1, entropy falls towards 0, and patience, which has no top,
// grows by that share of itself and by at least one exit. It never leaves where p
// would not. Never and Final stay as they are, and so does p if f is not above 0; above 1
// it counts as 1. At 1 a row of no measurable doubt still leaves: Never is what switches off.
func (p Policy) Stricter(f float64) Policy {
	if !(f > 0) {
		return p
	}
	f = min(f, 1)
	switch p.Kind {
	case KindMaxProb, KindMargin:
		p.Threshold = max(p.Threshold, 1-(1-p.Threshold)*(1-f))
	case KindEntropy:
		p.Threshold *= 1 - f
	case KindPatience:
		p.Patience = longer(p.Patience, f)
	}
	return p
}

// longer is k and the share f of it more, at least one, without overflow.
func longer(k int, f float64) int {
	if k < 1 {
		return k // never leaves as it is
	}
	more := max(1, math.Ceil(f*float64(k)))
	if more >= float64(math.MaxInt32-min(k, math.MaxInt32)) {
		return max(k, math.MaxInt32)
	}
	return k + int(more)
}
