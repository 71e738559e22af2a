package planner

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Explain says in plain words what the plan costs, why each group went where it did, at
// which rate or reach that would flip, whether splitting pays and by what, and what to
// commit to.
func (r *Result) Explain() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p := r.p
	line("%s dollars an hour, %s a month, for %s requests/s: %s an hour for VMs, %s for functions, %s for transfer.",
		num(r.Bill.Total()), num(r.Bill.Total()*hoursAMonth), num(p.mean), num(r.Bill.VMs), num(r.Bill.Functions), num(r.Bill.Transfer))
	line("%s of the requests should be answered within %v: half of them within %v, %s %% within %v.",
		most(r.InTime), p.SLO.Latency, r.short(r.Median), num(100*p.quantile), r.short(r.Latency))
	for i, g := range r.Plan.VMs {
		r.explainVMs(line, g, r.VMs[i])
	}
	for _, n := range r.Without {
		r.explainNoVMs(line, n)
	}
	r.explainFunctions(line)
	r.explainSplit(line)
	for _, c := range r.Commitments {
		line("Commit to %s dollars an hour: %s of %q for %v would be in use often enough, and that saves %s dollars an hour.",
			num(c.PerHour), count(c.VMs, "VM"), c.Offer, c.Stages, num(c.Saves))
	}
	return b.String()
}

const hoursAMonth = 730

// say says a line.
type say func(format string, args ...any)

// short rounds a latency to what can be told of it.
func (r *Result) short(d time.Duration) time.Duration {
	return d.Round(max(r.p.SLO.Latency/1000, 1))
}

// num has three digits that count.
func num(x float64) string {
	switch {
	case math.Abs(x) < 1e-10: // less than anything costs
		return "0"
	case math.Abs(x) >= 1000 && math.Abs(x) < 1e15:
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.3g", x)
}

// most is a share that is close to all.
func most(share float64) string {
	if share > 0.9999 {
		return "More than 99.99 %"
	}
	return fmt.Sprintf("%.4g %%", 100*share)
}

// million is the price of a million of what costs so much.
func million(dollars float64) string { return num(1e6 * dollars) }

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
