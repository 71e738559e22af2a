package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/serflow/serflow-go/internal/simcli"
	"github.com/serflow/serflow-go/provisioner/simulate/catalogue"
	"github.com/serflow/serflow-go/provisioner/simulate/compare"
	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
)

// settings is what the flags say.
type settings struct {
	profile, prices string // names of the catalogue, or files
	slo             time.Duration
	vcpus           float64 // of offered work; 0 for a trace's own rate
	length, settle  time.Duration
	runs            float64
	seed            uint64
	seeds           int
	policies        string
	trace           string // a file; sample; empty for generated traffic
	format          traffic.Format
	from, to        time.Duration
	json, csv, html string
	png             string // a folder
}

// formats are the names of traffic's.
var formats = map[string]traffic.Format{"counts": traffic.Counts, "timestamps": traffic.Timestamps}

func parse(args []string, stderr io.Writer) (settings, error) {
	var s settings
	var format string
	f := flag.NewFlagSet("simulate", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&s.profile, "profile", "bert-base", "of the model: a `name` ("+strings.Join(catalogue.Profiles(), ", ")+") or a file of your own, such as examples/profile writes")
	f.StringVar(&s.prices, "prices", "aws", "a `name` ("+strings.Join(catalogue.Sheets(), ", ")+") or a file of your own")
	f.StringVar(&s.trace, "trace", "", "`file` with traffic of your own, gzipped or not, or sample for a recorded hour (default: generated traffic)")
	f.StringVar(&format, "format", "", "of -trace: timestamps (a line a request, its time first) or counts (second,requests); default: timestamps")
	f.DurationVar(&s.from, "from", 0, "where to begin in the trace")
	f.DurationVar(&s.to, "to", 0, "where to end in the trace; 0 means its end")
	f.Float64Var(&s.vcpus, "vcpus", 0, "load: vCPUs that the requests keep busy on average; default: 4 of generated traffic, and of a trace its own rate")
	f.DurationVar(&s.length, "length", 4*time.Hour, "of generated traffic")
	f.DurationVar(&s.settle, "settle", 10*time.Minute, "that the first rate is kept up before anything is counted, of a service that is not new; 0 for a new one, whose functions are cold")
	f.DurationVar(&s.slo, "slo", 0, "time within which 99 % of requests are to be answered; default: five times the full pass")
	f.Float64Var(&s.runs, "runs", 10, "assumed number of requests over which exit depth is correlated: hard ones come in runs")
	f.StringVar(&s.policies, "policies", "", "to compare, with semicolons between them (default: all)")
	f.Uint64Var(&s.seed, "seed", 1, "of all that is random; the same seed gives the same result")
	f.IntVar(&s.seeds, "seeds", 3, "how many seeds to run, from -seed on, for confidence intervals")
	f.StringVar(&s.json, "json", "", "`file` for all figures, those of each seed too; - for standard output instead of the table")
	f.StringVar(&s.csv, "csv", "", "`file` for the table, with a line for each group of each policy too")
	f.StringVar(&s.html, "html", "", "`file` for a page with the table and charts, which needs no other file")
	f.StringVar(&s.png, "png", "", "`folder` for the charts as pictures")
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprintf(stderr, "Usage of simulate:\n")
			f.SetOutput(stderr)
			f.PrintDefaults()
			return s, err
		}
		return s, fmt.Errorf("%w: %w", simcli.ErrUsage, err)
	}
	if f.NArg() > 0 {
		return s, fmt.Errorf("%w: unexpected %q: only flags are taken", simcli.ErrUsage, f.Arg(0))
	}
	return s, s.validate(format)
}

func (s *settings) validate(format string) error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{simcli.ErrUsage}, args...)...)
	}
	var ok bool
	if s.format, ok = formats[format]; !ok && format != "" {
		return bad("-format %q: give timestamps or counts", format)
	}
	if format == "" {
		s.format = traffic.Timestamps
	}
	switch {
	case s.trace == "" && (format != "" || s.from != 0 || s.to != 0):
		return bad("-format, -from and -to are about -trace, and there is none")
	case !(s.vcpus >= 0) || math.IsInf(s.vcpus, 0): // negated so that NaN fails
		return bad("-vcpus %v: give a number above 0", s.vcpus)
	case s.slo < 0:
		return bad("-slo %v: give a time above 0, such as 500ms", s.slo)
	case s.length < time.Minute || s.length > 1000*time.Hour:
		return bad("-length %v: give a minute to a thousand hours", s.length)
	case s.settle < 0 || s.settle > 24*time.Hour:
		return bad("-settle %v: give a time of up to a day, or 0", s.settle)
	case s.seeds < 1 || s.seeds > 1000:
		return bad("-seeds %d: give a number from 1 to 1000", s.seeds)
	case !(s.runs > 0) || math.IsInf(s.runs, 0):
		return bad("-runs %v: give a number above 0", s.runs)
	}
	return nil
}

// names are those of -policies; nil for all.
func (s settings) names() (names []string) {
	for _, name := range strings.Split(s.policies, ";") {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// ask is what is to be compared.
func (s settings) ask() (compare.Ask, error) {
	m, err := simcli.Read(s.profile, s.prices)
	if err != nil {
		return compare.Ask{}, err
	}
	a := compare.Ask{Profile: m.Profile, Prices: m.Prices, SLO: m.SLO(s.slo), Runs: s.runs, Seed: s.seed, Seeds: s.seeds, Policies: s.names()}
	if a.Rates, a.Traffic, err = s.rates(m); err != nil {
		return a, err
	}
	if a.Settle = s.settle.Truncate(time.Second); a.Settle > 0 {
		a.Rates = append(slices.Repeat(a.Rates[:1], int(a.Settle/time.Second)), a.Rates...)
	}
	if s.html != "" || s.png != "" {
		a.Detail = simcli.Detail(time.Duration(len(a.Rates))*time.Second - a.Settle)
	}
	return a, nil
}
