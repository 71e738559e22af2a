package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
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
		fmt.Fprintf(out, "\n%s: %s\n\n", name, summary(o))
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

// summary is what was measured of an offer beside its stages: not all is known of VMs, or of functions.
func summary(o *profile.Offer) string {
	var words []string
	if len(o.Boot) > 0 {
		words = append(words, fmt.Sprintf("boots in %v", short(o.Boot.Mean())))
	}
	if len(o.Cold) > 0 {
		words = append(words, fmt.Sprintf("starts cold in %v", short(o.Cold.Mean())))
	}
	if o.MemoryMB > 0 {
		words = append(words, fmt.Sprintf("uses %.0f MB", o.MemoryMB))
	}
	words = append(words, fmt.Sprintf("is %v away", short(time.Duration(o.Way))))
	if o.Overhead > 0 {
		words = append(words, fmt.Sprintf("bills %v a call more", short(time.Duration(o.Overhead))))
	}
	return strings.Join(words, ", ")
}

func short(d time.Duration) time.Duration {
	if d > time.Second {
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(10 * time.Microsecond)
}
