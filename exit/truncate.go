package exit

// Truncation is the model cut after one stage, with no early exits: the rival
// that any early-exit policy has to beat.
type Truncation struct {
	Stage     int     // the last stage that runs
	Cost      float64 // per row: stages 0..Stage and the head of exit Stage
	Accuracy  float64 // fraction of rows, 0..1
	Lost      float64 // accuracy lost against the final exit, in percentage points
	LostUpper float64 // one-sided 95% upper bound on Lost, in points; 0 at the last stage
}

// Truncated measures the model cut after each stage, on all rows: nothing is
// chosen here, so no rows need to be held out. Each LostUpper holds on its own,
// not all at once. A bad row counts as wrong. It is an error if v's shapes or
// costs are unusable.
func Truncated(v Validation) ([]Truncation, error) {
	if err := v.validate(); err != nil {
		return nil, err
	}
	last := len(v.Logits) - 1
	out := make([]Truncation, 0, last+1)
	prefix := 0.0
	for k := range v.Logits {
		prefix += v.Cost[k]
		var right, worse, better int
		for i, label := range v.Labels {
			early := correct(row(v.Logits[k], v.Classes, i), label)
			final := correct(row(v.Logits[last], v.Classes, i), label)
			right += count(early)
			worse += count(final && !early)
			better += count(early && !final)
		}
		n := len(v.Labels)
		t := Truncation{Stage: k, Cost: prefix + v.headCost(k), Accuracy: float64(right) / float64(n)}
		if k < last {
			t.Lost = 100 * float64(worse-better) / float64(n)
			t.LostUpper = 100 * lossUpper(worse, better, n, defaultConfidence)
		}
		out = append(out, t)
	}
	return out, nil
}

// correct reports whether a row is finite and its argmax is the label.
func correct(logits []float32, label int) bool {
	class, _, ok := topTwo(logits)
	return ok && class == label
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}
