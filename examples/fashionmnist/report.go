package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/serflow/serflow-go/exit"
)

// printSearch shows the thresholds and what is certified of them.
func printSearch(w io.Writer, v exit.Validation, r exit.Result, o exit.Options, took time.Duration) {
	fmt.Fprintf(w, "Thresholds (%s), found in %.1f s on one half of the validation images:\n", o.Kind, took.Seconds())
	for k, p := range r.Policies {
		fmt.Fprintf(w, "  exit s%d  %s\n", k+1, describe(p))
	}
	fmt.Fprintf(w, "On the other half they lose %.2f points against the final exit, with 95 %% confidence\n", r.Lost)
	fmt.Fprintf(w, "at most %.2f (allowed: %g), for %.1f of %.1f million multiply-adds.\n\n", r.LostUpper, o.Bound, r.Cost/1e6, r.FullCost/1e6)
}

func describe(p exit.Policy) string {
	switch p.Kind {
	case exit.KindNever:
		return "switched off"
	case exit.KindFinal:
		return "answers what is left"
	case exit.KindPatience:
		return fmt.Sprintf("leave when %d exits in a row agree", p.Patience)
	case exit.KindEntropy:
		return fmt.Sprintf("leave at an entropy of at most %.4f (temperature %.2f)", p.Threshold, p.Temperature)
	}
	return fmt.Sprintf("leave at a %s of at least %.4f (temperature %.2f)", p.Kind, p.Threshold, p.Temperature)
}

// report is all runs over the test images; the first two of each pair were served
// one by one.
type report struct {
	found        exit.Result
	cost         []float64 // multiply-adds of each stage
	early, full  tally
	earlyBatched tally
	fullBatched  tally
	cut          []tally // cut[k] ran stages 0..k only
}

func (r report) print(w io.Writer) {
	r.printRivals(w)
	r.printExits(w)
	r.printRates(w)
}

func (r report) printRivals(w io.Writer) {
	full := r.full.perImage(r.cost)
	best := r.bestCut()
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "test images\taccuracy\tpoints lost\tmultiply-adds\tfewer\t\n")
	row := func(name string, x tally) {
		c := x.perImage(r.cost)
		fmt.Fprintf(t, "%s\t%.2f %%\t%.2f\t%.1f M\t%.2fx\t\n", name, 100*x.accuracy(), 100*(r.full.accuracy()-x.accuracy()), c/1e6, full/c)
	}
	row("never leaving early", r.full)
	row("leaving early", r.early)
	for k, x := range r.cut {
		name := fmt.Sprintf("cut after s%d", k+1)
		if k == best {
			name = "best truncated: " + name
		}
		row(name, x)
	}
	t.Flush()
	fmt.Fprintln(w, "\nThe best truncated network is the most accurate one that costs no more than leaving early.")
}

// bestCut is the most accurate truncated network that costs at most what leaving
// early costs; -1 if there is none.
func (r report) bestCut() int {
	best := -1
	for k, x := range r.cut {
		if x.perImage(r.cost) <= r.early.perImage(r.cost) && (best < 0 || x.right >= r.cut[best].right) {
			best = k
		}
	}
	return best
}

func (r report) printExits(w io.Writer) {
	fmt.Fprint(w, "\nWhere requests left:\n\n")
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "stage\treach\tleft here\t\tright of them\tmedian time\tmultiply-adds\t\n")
	for k, s := range r.early.stats.Stages {
		share := float64(r.early.left[k]) / float64(r.early.images)
		right := "-"
		if n := r.early.left[k]; n > 0 {
			right = fmt.Sprintf("%.1f %%", 100*float64(r.early.correct[k])/float64(n))
		}
		bar := strings.Repeat("#", int(share*30+0.5))
		fmt.Fprintf(t, "%s\t%.3f\t%.1f %%\t%-30s\t%s\t%v\t%.1f M\t\n",
			s.Stage, s.Reach, 100*share, bar, right, s.Latency.Quantile(0.5), r.cost[k]/1e6)
	}
	t.Flush()
}

func (r report) printRates(w io.Writer) {
	fmt.Fprint(w, "\nImages a second, on one thread:\n\n")
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "\tone by one\tin batches\t\n")
	fmt.Fprintf(t, "never leaving early\t%.0f\t%.0f\t\n", r.full.rate(), r.fullBatched.rate())
	fmt.Fprintf(t, "leaving early\t%.0f\t%.0f\t\n", r.early.rate(), r.earlyBatched.rate())
	fmt.Fprintf(t, "faster\t%.2fx\t%.2fx\t\n", r.early.rate()/r.full.rate(), r.earlyBatched.rate()/r.fullBatched.rate())
	t.Flush()
}
