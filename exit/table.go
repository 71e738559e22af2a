package exit

import "math"

// off is the threshold of an exit that is switched off: no score reaches it.
var off = math.Inf(1)

// table holds, for a subset of the validation rows, all that a policy's outcome
// depends on, so that trying a policy costs one comparison per row and exit.
type table struct {
	rows  int
	score [][]float64 // [exit][row]; leave if >= threshold; -Inf for a bad row
	right [][]bool    // [exit][row]; false for a bad row
	cost  []float64   // per stage
	head  []float64   // per exit
}

// newTable scores the given rows at every exit with the exits' temperatures.
func newTable(v Validation, rows []int, kind Kind, temps []float64) *table {
	t := &table{rows: len(rows), cost: v.Cost, head: make([]float64, len(v.Logits))}
	states := make([]State, len(rows))
	for k, logits := range v.Logits {
		t.head[k] = v.headCost(k)
		score, right := make([]float64, len(rows)), make([]bool, len(rows))
		for j, i := range rows {
			m, ok := measure(row(logits, v.Classes, i), temps[k])
			if !ok {
				score[j], states[j] = math.Inf(-1), State{}
				continue
			}
			states[j] = states[j].next(m.class)
			score[j], right[j] = scoreOf(kind, m, states[j]), m.class == v.Labels[i]
		}
		t.score, t.right = append(t.score, score), append(t.right, right)
	}
	return t
}

// scoreOf is the number that kind compares, signed so that higher is surer.
func scoreOf(kind Kind, m measures, s State) float64 {
	switch kind {
	case KindEntropy:
		return -m.entropy
	case KindMargin:
		return m.margin
	case KindPatience:
		return float64(s.Run)
	}
	return m.top
}

// outcome is what a set of thresholds does to the rows of a table.
type outcome struct {
	cost                 float64 // summed over rows
	right, worse, better int     // rows; worse and better as in lossUpper
	leave                []int   // [row] the stage it leaves at
	share                []int   // [stage] rows that leave there
}

// run applies thresholds, one per exit, the final one unread.
func (t *table) run(thresholds []float64) outcome {
	last := len(t.cost) - 1
	paid := t.paid(thresholds)
	o := outcome{leave: make([]int, t.rows), share: make([]int, last+1)}
	for i := range t.rows {
		k := 0
		for k < last && !(t.score[k][i] >= thresholds[k]) {
			k++
		}
		o.leave[i] = k
		o.share[k]++
		early, final := t.right[k][i], t.right[last][i]
		o.right += count(early)
		o.worse += count(final && !early)
		o.better += count(early && !final)
	}
	for k, n := range o.share {
		o.cost += float64(n) * paid[k]
	}
	return o
}

// paid is the cost of one row that leaves at each stage: the stages up to it and
// the heads of the exits on the way that are switched on.
func (t *table) paid(thresholds []float64) []float64 {
	last := len(t.cost) - 1
	paid := make([]float64, last+1)
	total := 0.0
	for k := range paid {
		total += t.cost[k]
		if k == last || thresholds[k] != off {
			total += t.head[k]
		}
		paid[k] = total
	}
	return paid
}
