package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// peak is the best goodput of either.
func peak(rows []row) (serflow, proxy float64) {
	for _, r := range rows {
		serflow, proxy = max(serflow, r.serflow.rate), max(proxy, r.proxy.rate)
	}
	return serflow, proxy
}

// print shows who has answered how many in time.
func print(out io.Writer, rows []row) {
	ours, theirs := peak(rows)
	t := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "\tsent\t|\tSerflow\tof its\tothers,\ttold\t|\tround\tof its\tothers,\ttold\t|\tSerflow\t\n")
	fmt.Fprint(t, "load\ta second\t|\tin time\tpeak\tearly\tafter\t|\trobin\tpeak\tearly\tafter\t|\tover it\t\n")
	for _, r := range rows {
		fmt.Fprintf(t, "%gx\t%.0f\t|\t%s\t|\t%s\t|\t%.2fx\t\n",
			r.load, r.load*capacity(), r.serflow.cells(ours), r.proxy.cells(theirs), r.serflow.rate/max(r.proxy.rate, 1e-9))
	}
	t.Flush()
	last := rows[len(rows)-1]
	fmt.Fprintf(out, "\nAt %gx the load Serflow answers %.0f %% of its peak in time, and the proxy %.0f %% of its.\n",
		last.load, 100*last.serflow.rate/ours, 100*last.proxy.rate/theirs)
}

func (o outcome) cells(peak float64) string {
	early, after := "-", "-"
	if n := len(o.told); n > 0 {
		early = fmt.Sprintf("%d of %d", o.early(), n)
		after = fmt.Sprintf("%.0f ms", o.told[n/2].Seconds()*1000)
	}
	return fmt.Sprintf("%.1f\t%.0f %%\t%s\t%s", o.rate, 100*o.rate/peak, early, after)
}

// early is how many of those that were not answered in time knew so before the SLO was over.
func (o outcome) early() int {
	n, _ := slices.BinarySearch(o.told, slo)
	return n
}
