package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/serflow/serflow-go/provisioner/simulate/accesslog"
	"github.com/serflow/serflow-go/provisioner/simulate/compare"
)

const hoursAMonth = 730

// describe says what was read, and draws it.
func describe(out io.Writer, l *accesslog.Counts, name string) {
	const when = "2006-01-02 15:04:05"
	fmt.Fprintf(out, "Log      %s: %d requests, %s to %s UTC, read as %s\n", name, l.Requests, l.First.Format(when), l.First.Add(l.Length()).Format(when), l.Format)
	if l.Skipped > 0 {
		fmt.Fprintf(out, "Skipped  %d lines without a time, the first: %v\n", l.Skipped, l.Bad)
	}
	most := uint64(0)
	for minute := range slices.Chunk(l.Seconds, 60) {
		most = max(most, sum(minute))
	}
	fmt.Fprintf(out, "Rate     %.4g requests a second on average, %.4g in the busiest minute\n", l.Rate(), float64(most)/min(60, float64(len(l.Seconds))))
	fmt.Fprintf(out, "         %s\n", sparks(l.Seconds, 72))
}

// part says which part of a log is simulated, if it is not all.
func part(out io.Writer, l *accesslog.Counts, from, to int) {
	if to-from == len(l.Seconds) {
		return
	}
	start := l.First.Add(time.Duration(from) * time.Second)
	fmt.Fprintf(out, "Part     %v from %s UTC is simulated, %d requests: that is closest to the mean (-whole simulates all)\n",
		time.Duration(to-from)*time.Second, start.Format("2006-01-02 15:04:05"), sum(l.Seconds[from:to]))
}

func sum(counts []uint32) (n uint64) {
	for _, x := range counts {
		n += uint64(x)
	}
	return n
}

// sparks draws counts in at most so many columns.
func sparks(counts []uint32, columns int) string {
	width := (len(counts) + columns - 1) / columns
	var means []float64
	for part := range slices.Chunk(counts, width) {
		means = append(means, float64(sum(part))/float64(len(part)))
	}
	most := slices.Max(means)
	heights := []rune("▁▂▃▄▅▆▇█")
	var b strings.Builder
	for _, x := range means {
		b.WriteRune(heights[min(int(x/most*float64(len(heights))), len(heights)-1)])
	}
	return b.String()
}

// tell says what a comparison came to.
func tell(out io.Writer, r *compare.Report, offers []compare.Alone) {
	fmt.Fprintf(out, "Model    %s\n", r.Model)
	for _, a := range r.Assumed {
		fmt.Fprintf(out, "Assumed  %s\n", a)
	}
	fmt.Fprintf(out, "Prices   %s\n", r.Prices)
	fmt.Fprintf(out, "SLO      99 %% of requests within %.4g s, in 99.5 %% of minutes; what is later than that has no answer\n", r.SLO)
	policies(out, r)
	alone(out, offers)
	fmt.Fprintf(out, "\nThe plan that Serflow would run (how many VMs there are follows the traffic):\n%s", indented(r.Planned))
}

func indented(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n  ") + "\n"
}

// policies are what each costs, with bars.
func policies(out io.Writer, r *compare.Report) {
	fmt.Fprintf(out, "\nSimulated, in dollars a month if all hours were like these:\n")
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "policy\t$/month\tin time\tgood minutes\tSLO\tp99\ton functions\t\n")
	most := 0.0
	for _, row := range r.Rows {
		most = max(most, row.Total.Mean)
	}
	best := r.Cheapest()
	for _, row := range r.Rows {
		if row.Why != "" {
			fmt.Fprintf(t, "%s\t-\t\t\t\t\t\t  left out: %s\n", row.Policy, row.Why)
			continue
		}
		name := row.Policy
		if row == best {
			name = "* " + name
		}
		fmt.Fprintf(t, "%s\t%s\t%.2f %%\t%.1f %%\t%s\t%.0f ms\t%.1f %%\t  %s\n", name, monthly(row.Total), 100*row.Within.Mean, 100*row.Good.Mean,
			r.Verdict(row), 1e3*row.Latency.P99.Mean, 100*row.FunctionShare.Mean, bar(row.Total.Mean, most))
	}
	fmt.Fprintf(t, "nothing costs less\t%s\t\t\t\t\t\t  %s\n", monthly(r.Bound.Total), bar(r.Bound.Total.Mean, most))
	t.Flush()
	if best != nil {
		fmt.Fprintf(out, "* The cheapest that met the SLO and knows nothing in advance. ")
	} else {
		fmt.Fprintf(out, "None met the SLO: try a wider one (-slo). ")
	}
	fmt.Fprintf(out, "\"Full depth\" is the model without exits; oracles know what is to come.\n")
}

// monthly is dollars a month.
func monthly(hourly compare.Figure) string {
	return compare.Figure{Mean: hoursAMonth * hourly.Mean, Half: hoursAMonth * hourly.Half}.Text(2)
}

func bar(x, most float64) string { return strings.Repeat("█", int(30*x/most+0.5)) }

// alone is what offers cost, the cheapest first.
func alone(out io.Writer, offers []compare.Alone) {
	fmt.Fprintf(out, "\nPlanned with one offer alone, VMs with functions for what comes on top; a fleet that stays as it is:\n")
	slices.SortStableFunc(offers, func(a, b compare.Alone) int {
		return cmp.Or(cmp.Compare(a.Why, b.Why), cmp.Compare(a.Dollars, b.Dollars))
	})
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "offer\t$/month\tof these for functions\tVMs\tin time\t\n")
	for _, x := range offers {
		if x.Why != "" {
			fmt.Fprintf(t, "%s\t-\t\t\t\t  %s\n", x.Offer, x.Why)
			continue
		}
		fmt.Fprintf(t, "%s\t%.2f\t%.2f\t%d\t%.2f %%\t\n", x.Offer, hoursAMonth*x.Dollars, hoursAMonth*x.Functions, x.VMs, 100*x.Within)
	}
	t.Flush()
}
