package compare

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"
)

// JSON writes all of the report, the results of each seed too.
func (r *Report) JSON(out io.Writer) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// Cheapest is the policy that costs least of those that met the SLO with every seed and know no more than
// they can; nil if there is none.
func (r *Report) Cheapest() (best *Row) {
	for _, row := range r.Rows {
		oracle := row.Policy == RateOracle || row.Policy == OfflineOptimal
		if row.Why == "" && !oracle && row.Met == r.Seeds && (best == nil || row.Total.Mean < best.Total.Mean) {
			best = row
		}
	}
	return best
}

// Table writes the report for a reader.
func (r *Report) Table(out io.Writer) error {
	best := r.Cheapest()
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "policy\tVMs $/h\tfunctions $/h\ttransfer $/h\ttotal $/h\tover bound\tin time\tgood minutes\tSLO\tp50\tp99\tVM-hours/h\tVMs busy\ton functions\tshed/h\tscalings/h\t\n")
	for _, row := range r.Rows {
		name := row.Policy
		if row == best {
			name = "* " + name
		}
		if row.Why != "" {
			fmt.Fprintf(t, "%s\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t\n", name)
			continue
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%.2f\t%.2f %%\t%.1f %%\t%s\t%s\t%s\t%.2f\t%.0f %%\t%.1f %%\t%.0f\t%.1f\t\n",
			name, row.VMs.Text(4), row.Functions.Text(4), row.Transfer.Text(4), row.Total.Text(4), row.OverBound.Mean,
			100*row.Within.Mean, 100*row.Good.Mean, r.Verdict(row), milliseconds(row.Latency.P50), milliseconds(row.Latency.P99),
			row.VMHours.Mean, 100*row.Utilisation.Mean, 100*row.FunctionShare.Mean, row.Shed.Mean, row.Changes.Mean)
	}
	fmt.Fprintf(t, "LowerBound\t%s\t%s\t%s\t%s\t1.00\t\t\t\t\t\t\t\t\t\t\t\n", r.Bound.VMs.Text(4), r.Bound.Functions.Text(4), r.Bound.Transfer.Text(4), r.Bound.Total.Text(4))
	if err := t.Flush(); err != nil {
		return err
	}
	return r.remarks(out)
}

// Verdict says in a word whether a policy of the report met the SLO.
func (r *Report) Verdict(row *Row) string {
	switch row.Met {
	case r.Seeds:
		return "met"
	case 0:
		return "missed"
	}
	return fmt.Sprintf("met %d of %d", row.Met, r.Seeds)
}

func milliseconds(f Figure) string { return fmt.Sprintf("%.1f ms", 1e3*f.Mean) }

// remarks says what the numbers do not.
func (r *Report) remarks(out io.Writer) (err error) {
	say := func(format string, args ...any) {
		if err == nil {
			_, err = fmt.Fprintf(out, format, args...)
		}
	}
	for _, row := range r.Rows {
		if row.Why != "" {
			say("%s is left out: %s\n", row.Policy, row.Why)
		}
	}
	say("LowerBound is what nothing with all requests in time can stay below; $%.4f an hour for whoever just meets the SLO.\n", r.Bound.Met.Mean)
	if best := r.Cheapest(); best != nil {
		say("* The cheapest that met the SLO and knows nothing in advance: %s, with %s.\n", best.Policy, best.Plan)
	} else {
		say("None met the SLO with every seed.\n")
	}
	if r.Seeds > 1 {
		say("± is half of a 95 %% confidence interval over %d seeds.\n", r.Seeds)
	}
	return err
}

// columns are those of CSV.
var columns = []string{
	"policy", "part", "stages", "offer", "vms", "functions", "transfer", "total", "total ±", "over bound", "within", "good minutes", "met", "seeds",
	"p50", "p90", "p99", "p99.9", "vm hours", "utilisation", "function share", "requests", "shed", "late", "changes", "up", "down",
}

// CSV writes a line for each policy, whose part is "all", for each group of its plan, and for the bound.
// Dollars, VM-hours and counts are per hour, times in seconds.
func (r *Report) CSV(out io.Writer) error {
	c := csv.NewWriter(out)
	lines := [][]string{columns}
	perHour := 3600 / float64(r.Seconds)
	for _, row := range r.Rows {
		if row.Why != "" {
			continue
		}
		lines = append(lines, line(row.Policy, "all", "", "", row.VMs, row.Functions, row.Transfer, row.Total, row.Total.Half, row.OverBound, row.Within, row.Good, row.Met, r.Seeds,
			row.Latency.P50, row.Latency.P90, row.Latency.P99, row.Latency.P999, row.VMHours, row.Utilisation, row.FunctionShare, r.Requests.Mean*perHour, row.Shed, row.Late, row.Changes, row.Up, row.Down))
		for _, g := range row.Groups {
			lines = append(lines, line(row.Policy, g.Kind, g.Stages, g.Offer, "", "", "", g.Dollars, g.Dollars.Half, "", "", "", "", r.Seeds,
				g.Latency.P50, g.Latency.P90, g.Latency.P99, g.Latency.P999, g.VMHours, g.Utilisation, "", g.Requests, "", "", "", "", ""))
		}
	}
	b := r.Bound
	bound := line("LowerBound", "all", "", "", b.VMs, b.Functions, b.Transfer, b.Total, b.Total.Half, 1.0)
	lines = append(lines, append(bound, make([]string, len(columns)-len(bound))...))
	return c.WriteAll(lines)
}

func line(fields ...any) (texts []string) {
	for _, f := range fields {
		switch x := f.(type) {
		case string:
			texts = append(texts, x)
		case int:
			texts = append(texts, strconv.Itoa(x))
		case float64:
			texts = append(texts, strconv.FormatFloat(x, 'g', 6, 64))
		case Figure:
			texts = append(texts, strconv.FormatFloat(x.Mean, 'g', 6, 64))
		case time.Duration:
			texts = append(texts, x.String())
		}
	}
	return texts
}
