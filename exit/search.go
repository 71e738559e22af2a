package exit

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
)

const defaultConfidence = 0.95

// Options says what Search may lose and how sure it must be.
type Options struct {
	Bound      float64 // most accuracy to lose against the final exit, in percentage points, >= 0; at 0 no exit can be certified
	Confidence float64 // of the certificate, in (0.5,1); 0 means 0.95
	Kind       Kind    // maxprob, entropy, margin or patience; "" means maxprob
	Seed       uint64  // of the shuffle that splits the rows; equal seeds give equal results
}

// Point is one set of policies, measured on the certification half.
type Point struct {
	Cost      float64  // expected per row
	Accuracy  float64  // fraction, 0..1
	Lost      float64  // accuracy lost against the final exit, in points; negative is a gain
	LostUpper float64  // one-sided upper confidence bound on Lost, in points
	Policies  []Policy // one per stage
}

// Result is the cheapest certified set of policies. All its measures but Bad are
// of the certification half, which took no part in finding thresholds.
type Result struct {
	Policies      []Policy  // one per stage; the last is final, exits switched off are Never()
	Cost          float64   // expected per row, in the units of Validation.Cost
	FullCost      float64   // of a row at full depth with the early exits off
	Accuracy      float64   // fraction, 0..1
	FinalAccuracy float64   // fraction, 0..1, of the full-depth model
	Lost          float64   // points
	LostUpper     float64   // points
	ExitShare     []float64 // fraction of rows that leave at each stage; sums to 1
	Bad           int       // rows, of both halves, with a NaN or an infinity at some exit
	Frontier      []Point   // costliest first on the finding half; each LostUpper holds on its own
}

// Search finds the policies that cost least while the accuracy lost against the
// final exit is certified to be at most o.Bound: over draws of the validation
// rows, the returned policies lose more with probability at most 1-Confidence.
//
// Choosing and certifying on the same rows would flatter the choice, so a seeded
// shuffle splits them. The first half fits each exit's temperature and finds a
// frontier of thresholds. The second half walks that frontier from the full-depth
// model, which loses nothing by definition, towards the cheapest, and stops at
// the first point whose upper bound (exact, on the discordant rows, see lossUpper)
// exceeds o.Bound. Such fixed-sequence testing needs no correction for
// the number of points (Angelopoulos et al., "Learn then Test", arXiv
// 2110.01052). The cheapest of the points passed is returned.
//
// That takes rows: even exits that lose nothing are only certified with some 500/o.Bound
// rows in the second half, 1,000 for 0.5 points. With fewer, every exit is switched off.
//
// A bad row counts as wrong and runs to the end. The certificate is for rows like
// those of v. Search errs on unusable shapes, costs or options, on fewer than two
// rows, and with ctx's error once ctx is done.
func Search(ctx context.Context, v Validation, o Options) (Result, error) {
	o, err := o.withDefaults()
	if err != nil {
		return Result{}, err
	}
	if err := v.validate(); err != nil {
		return Result{}, err
	}
	if len(v.Labels) < 2 {
		return Result{}, errors.New("exit: 1 row: give 2 or more, half to search on and half to certify on")
	}
	order := rand.New(rand.NewPCG(o.Seed, 0)).Perm(len(v.Labels))
	find, certify := order[:len(order)/2], order[len(order)/2:]

	temps, err := temperatures(ctx, v, find)
	if err != nil {
		return Result{}, err
	}
	frontier, err := findFrontier(ctx, newTable(v, find, o.Kind, temps), o.Kind)
	if err != nil {
		return Result{}, err
	}
	r, err := walk(ctx, newTable(v, certify, o.Kind, temps), frontier, temps, o)
	if err != nil {
		return Result{}, err
	}
	r.FullCost, r.Bad = v.fullCost(), v.badRows()
	return r, nil
}

func (o Options) withDefaults() (Options, error) {
	if o.Confidence == 0 {
		o.Confidence = defaultConfidence
	}
	if o.Kind == "" {
		o.Kind = KindMaxProb
	}
	if !(o.Bound >= 0) || math.IsInf(o.Bound, 0) {
		return o, fmt.Errorf("exit: bound %v: use a finite number of points >= 0", o.Bound)
	}
	if !(o.Confidence > 0.5 && o.Confidence < 1) {
		return o, fmt.Errorf("exit: confidence %v: use a number between 0.5 and 1, such as 0.95", o.Confidence)
	}
	switch o.Kind {
	case KindMaxProb, KindEntropy, KindMargin, KindPatience:
		return o, nil
	}
	return o, fmt.Errorf("exit: cannot search over kind %q: use maxprob, entropy, margin or patience", string(o.Kind))
}

// temperatures fits one temperature per exit on the given rows. An exit whose
// rows do not determine one (all right, or all bad) keeps 1: the end of the
// range would saturate its probabilities and hide which rows it is less sure of.
func temperatures(ctx context.Context, v Validation, rows []int) ([]float64, error) {
	temps := make([]float64, len(v.Logits))
	for k, logits := range v.Logits {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		temps[k] = 1
		usable, wrong := make([]int, 0, len(rows)), 0
		for _, i := range rows {
			if class, _, ok := topTwo(row(logits, v.Classes, i)); ok {
				usable = append(usable, i)
				wrong += count(class != v.Labels[i])
			}
		}
		if wrong > 0 {
			temps[k] = fitRows(logits, v.Classes, v.Labels, usable)
		}
	}
	return temps, nil
}

// findFrontier is the cost-accuracy frontier on t, full depth first.
func findFrontier(ctx context.Context, t *table, kind Kind) ([]candidate, error) {
	var points []candidate
	if kind == KindPatience {
		points = patienceGrid(t)
	} else {
		var err error
		if points, err = newClimber(t, kind).climb(ctx); err != nil {
			return nil, err
		}
	}
	for i := range points {
		prune(t, points[i].thresholds, kind)
		points[i].cost = t.run(points[i].thresholds).cost
	}
	return pareto(points), nil
}

// walk measures every point of the frontier on t and picks the cheapest of those
// that fixed-sequence testing passes. All of these are certified at once, so the
// choice among them is free.
func walk(ctx context.Context, t *table, frontier []candidate, temps []float64, o Options) (Result, error) {
	var r Result
	n := float64(t.rows)
	passing := true
	for j, c := range frontier {
		if err := ctx.Err(); err != nil {
			return Result{}, err
		}
		out := t.run(c.thresholds)
		p := Point{Cost: out.cost / n, Accuracy: float64(out.right) / n, Policies: policies(o.Kind, c.thresholds, temps)}
		if j == 0 {
			r.FinalAccuracy = p.Accuracy
		} else {
			p.Lost = 100 * float64(out.worse-out.better) / n
			p.LostUpper = 100 * lossUpper(out.worse, out.better, t.rows, o.Confidence)
		}
		r.Frontier = append(r.Frontier, p)
		passing = passing && (j == 0 || p.LostUpper <= o.Bound)
		if passing && (j == 0 || p.Cost < r.Cost) {
			// The caller may edit the result, so it shares no slice with Frontier.
			r.Policies = append([]Policy(nil), p.Policies...)
			r.Cost, r.Accuracy, r.Lost, r.LostUpper = p.Cost, p.Accuracy, p.Lost, p.LostUpper
			r.ExitShare = make([]float64, len(out.share))
			for k, rows := range out.share {
				r.ExitShare[k] = float64(rows) / n
			}
		}
	}
	return r, nil
}

// policies writes thresholds in the sense of newTable as policies.
func policies(kind Kind, thresholds, temps []float64) []Policy {
	out := make([]Policy, len(thresholds))
	last := len(out) - 1
	for k, th := range thresholds[:last] {
		switch {
		case th == off:
			out[k] = Never()
			continue
		case kind == KindEntropy:
			out[k] = Entropy(math.Abs(th)) // scores are negated; Abs also avoids -0
		case kind == KindMargin:
			out[k] = Margin(th)
		case kind == KindPatience:
			out[k] = Patience(int(th))
		default:
			out[k] = MaxProb(th)
		}
		out[k] = out[k].WithTemperature(temps[k])
	}
	out[last] = Final().WithTemperature(temps[last])
	return out
}
