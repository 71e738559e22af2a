package planner

import (
	"fmt"
	"math"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/serflow/serflow-go/stage"
)

// Seen is what came of a plan in service: serflow.Validate fills it in from a pipeline's Stats. Rates
// are requests per second, dollars are per hour.
type Seen struct {
	Rate    float64
	Reach   []float64
	Bill    Bill
	Unknown bool          // what the transfer cost is not known
	Median  time.Duration // of the answered requests
	Latency time.Duration // of those, at the SLO's quantile
	InTime  float64       // share of all requests that were answered within the SLO
	Calls   float64       // of functions, for each request
}

// Comparison is what a plan expects beside what came of it.
type Comparison []Figure

// Figure is one number of a Comparison.
type Figure struct {
	What          string // with its unit
	Planned, Seen float64
	Share         bool // a share or a count for each request: what is planned and seen differ by points, not by a part
}

// Off is how much more was planned than seen: as a part of what was seen, or of a Share the difference. It
// is infinite for what was planned and not seen at all.
func (f Figure) Off() float64 {
	switch d := f.Planned - f.Seen; {
	case f.Share || d == 0:
		return d
	default:
		return d / f.Seen
	}
}

// Compare sets what the plan expects beside what was seen. The traffic comes first: for other traffic than it
// was made for, a plan expects nothing.
func (r *Result) Compare(s Seen) Comparison {
	c := Comparison{{What: "requests/s", Planned: r.p.mean, Seen: s.Rate}}
	for k := 1; k < min(len(r.p.reach), len(s.Reach)); k++ {
		c = append(c, Figure{fmt.Sprintf("reach of %v", stage.Range{First: k, Last: k}), r.p.reach[k], s.Reach[k], true})
	}
	planned := r.Bill
	c = append(c, Figure{What: "VMs, $/h", Planned: planned.VMs, Seen: s.Bill.VMs}, Figure{What: "functions, $/h", Planned: planned.Functions, Seen: s.Bill.Functions})
	if s.Unknown {
		planned.Transfer, s.Bill.Transfer = 0, 0
	} else {
		c = append(c, Figure{What: "transfer, $/h", Planned: planned.Transfer, Seen: s.Bill.Transfer})
	}
	return append(c,
		Figure{What: "bill, $/h", Planned: planned.Total(), Seen: s.Bill.Total()},
		Figure{What: "median, ms", Planned: milliseconds(r.Median), Seen: milliseconds(s.Median)},
		Figure{What: fmt.Sprintf("p%s, ms", num(100*r.SLO.Quantile)), Planned: milliseconds(r.Latency), Seen: milliseconds(s.Latency)},
		Figure{What: "within the SLO", Planned: r.InTime, Seen: s.InTime, Share: true},
		Figure{What: "function calls a request", Planned: r.Calls, Seen: s.Calls, Share: true})
}

func milliseconds(d time.Duration) float64 { return 1000 * d.Seconds() }

// Figure is the one of that name; its What is empty if there is none.
func (c Comparison) Figure(what string) Figure {
	for _, f := range c {
		if f.What == what {
			return f
		}
	}
	return Figure{}
}

// String is a table with a line for each figure.
func (c Comparison) String() string {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "\tplanned\tseen\tplanned too high by\t\n")
	for _, f := range c {
		if f.Share {
			fmt.Fprintf(t, "%s\t%.2f %%\t%.2f %%\t%+.2f points\t\n", f.What, 100*f.Planned, 100*f.Seen, 100*f.Off())
			continue
		}
		off := fmt.Sprintf("%+.1f %%", 100*f.Off())
		if math.IsInf(f.Off(), 0) {
			off = "all of it"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t\n", f.What, num(f.Planned), num(f.Seen), off)
	}
	t.Flush()
	return b.String()
}
