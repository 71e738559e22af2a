package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/serflow/serflow-go/internal/simcli"
	"github.com/serflow/serflow-go/provisioner/simulate/accesslog"
	"github.com/serflow/serflow-go/provisioner/simulate/catalogue"
)

// settings is what the arguments say.
type settings struct {
	logs            []string // files; none for the sample
	key             string
	profile, prices string // names of the catalogue, or files
	slo             time.Duration
	runs            float64
	seed            uint64
	seeds           int
	html, json      string
	whole           bool
}

func parse(args []string, stderr io.Writer) (settings, error) {
	var s settings
	f := flag.NewFlagSet("whatif", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&s.profile, "profile", "bert-base", "of the model: a `name` ("+strings.Join(catalogue.Profiles(), ", ")+") or a file of your own, such as examples/profile writes")
	f.StringVar(&s.prices, "prices", "aws", "a `name` ("+strings.Join(catalogue.Sheets(), ", ")+") or a file of your own")
	f.DurationVar(&s.slo, "slo", 0, "time within which 99 % of requests are to be answered; default: five times the full pass")
	f.StringVar(&s.key, "key", "", "`name` under which a JSON log has the time; default: the first that there is of "+strings.Join(accesslog.TimeKeys(), ", "))
	f.Float64Var(&s.runs, "runs", 10, "assumed number of requests over which exit depth is correlated: hard ones come in runs")
	f.Uint64Var(&s.seed, "seed", 1, "of all that is random; the same seed gives the same result")
	f.IntVar(&s.seeds, "seeds", 1, "how many seeds to run, from -seed on; with more there are confidence intervals")
	f.BoolVar(&s.whole, "whole", false, fmt.Sprintf("simulate all of a log, also if it has more than %d million requests", enough/1_000_000))
	f.StringVar(&s.html, "html", "", "`file` for a page with the table and charts, which needs no other file")
	f.StringVar(&s.json, "json", "", "`file` for all figures; - for standard output instead of the text")
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprintf(stderr, "Usage: whatif [flags] [access.log ...]    (- is standard input; gzipped or not; without a log, a generated one)\n")
			f.SetOutput(stderr)
			f.PrintDefaults()
			return s, err
		}
		return s, fmt.Errorf("%w: %w", simcli.ErrUsage, err)
	}
	s.logs = f.Args()
	switch {
	case s.slo < 0:
		return s, fmt.Errorf("%w: -slo %v: give a time above 0, such as 500ms", simcli.ErrUsage, s.slo)
	case s.seeds < 1 || s.seeds > 1000:
		return s, fmt.Errorf("%w: -seeds %d: give a number from 1 to 1000", simcli.ErrUsage, s.seeds)
	case !(s.runs > 0) || math.IsInf(s.runs, 0): // negated so that NaN fails
		return s, fmt.Errorf("%w: -runs %v: give a number above 0", simcli.ErrUsage, s.runs)
	}
	return s, nil
}
