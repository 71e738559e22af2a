package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/serflow/serflow-go/provisioner/profile"
)

// print shows each stage's mean and 99th percentile, for a row of a batch.
func print(out io.Writer, d *profile.Document) {
	for _, name := range slices.Sorted(maps.Keys(d.Offers)) {
		o := d.Offers[name]
		p, err := d.Profile(name)
		if err != nil {
			fmt.Fprintln(out, err)
			continue
		}
		fmt.Fprintf(out, "\n%s: boots in %v, starts cold in %v, uses %.0f MB, is %v away, and bills %v a call more\n\n",
			name, short(o.Boot.Mean()), short(o.Cold.Mean()), o.MemoryMB, short(time.Duration(o.Way)), short(time.Duration(o.Overhead)))
		t := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
		fmt.Fprint(t, "ms a row: mean, p99\tbatches of\t")
		for _, s := range d.Stages {
			fmt.Fprintf(t, "%s\t", s)
		}
		fmt.Fprintln(t)
		for _, rows := range []int{1, 2, 4, 8, 16} {
			if !d.Has(name, rows) {
				continue
			}
			fmt.Fprintf(t, "\t%d\t", rows)
			for k := range d.Stages {
				each := func(x time.Duration) float64 { return x.Seconds() * 1e3 / float64(rows) }
				fmt.Fprintf(t, "%.2f, %.2f\t", each(p.Mean(k, rows)), each(p.Quantile(k, rows, 0.99)))
			}
			fmt.Fprintln(t)
		}
		t.Flush()
	}
}

func short(d time.Duration) time.Duration {
	if d > time.Second {
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(10 * time.Microsecond)
}
