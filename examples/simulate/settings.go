package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
)

// errUsage marks arguments that cannot be.
var errUsage = errors.New("bad arguments (-help lists them)")

// settings is what the flags say.
type settings struct {
	vcpus float64 // of offered work
	vms   []int   // sizes of the fleet to compare
	slo   time.Duration
	boot  time.Duration
	pass  time.Duration // all stages, one request, on one vCPU
	cv    float64       // of service times
	runs  float64       // requests over which exit depth is correlated
	seed  uint64
	seeds int
	trace string // a file; empty for the sample
	// Of the trace.
	format   traffic.Format
	from, to time.Duration
	json     string
}

// formats are the names of traffic's.
var formats = map[string]traffic.Format{"counts": traffic.Counts, "timestamps": traffic.Timestamps}

func parse(args []string, stderr io.Writer) (settings, error) {
	var s settings
	var vms, format string
	f := flag.NewFlagSet("simulate", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.Float64Var(&s.vcpus, "vcpus", 2, "load: vCPUs that the requests keep busy on average")
	f.StringVar(&vms, "vms", "1,2,3", "sizes of the VM fleet to compare, each with 2 vCPUs a VM")
	f.DurationVar(&s.slo, "slo", 125*time.Millisecond, "time within which 99 % of requests are to be answered")
	f.DurationVar(&s.boot, "boot", time.Minute, "median time for a VM to become ready; 0 means that VMs are there when traffic begins")
	f.DurationVar(&s.pass, "pass", 25*time.Millisecond, "assumed time of all stages for one request on one vCPU; each stage takes its share of the multiply-adds")
	f.Float64Var(&s.cv, "cv", 0.5, "assumed coefficient of variation of a stage's time")
	f.Float64Var(&s.runs, "runs", 10, "assumed number of requests over which exit depth is correlated: hard ones come in runs")
	f.Uint64Var(&s.seed, "seed", 1, "of all that is random; the same seed gives the same result")
	f.IntVar(&s.seeds, "seeds", 1, "how many seeds to run and average, from -seed on")
	f.StringVar(&s.trace, "trace", "", "`file` with traffic of your own, gzipped or not (default: the sample)")
	f.StringVar(&format, "format", "timestamps", "of -trace: timestamps (a line a request, its time first) or counts (second,requests)")
	f.DurationVar(&s.from, "from", 0, "where to begin in the trace")
	f.DurationVar(&s.to, "to", 0, "where to end in the trace; 0 means its end")
	f.StringVar(&s.json, "json", "", "`file` for all figures, - for standard output instead of the table (default: a new file in the temporary folder)")
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprintf(stderr, "Usage of simulate:\n")
			f.SetOutput(stderr)
			f.PrintDefaults()
			return s, err
		}
		return s, fmt.Errorf("%w: %w", errUsage, err)
	}
	if f.NArg() > 0 {
		return s, fmt.Errorf("%w: unexpected %q: only flags are taken", errUsage, f.Arg(0))
	}
	if err := s.parseFormat(format); err != nil {
		return s, err
	}
	if err := s.parseVMs(vms); err != nil {
		return s, err
	}
	return s, s.validate()
}

func (s *settings) parseFormat(name string) (err error) {
	var ok bool
	if s.format, ok = formats[name]; !ok {
		return fmt.Errorf("%w: -format %q: give timestamps or counts", errUsage, name)
	}
	if s.trace == "" && s.format != traffic.Timestamps {
		return fmt.Errorf("%w: -format %s says how -trace is written, and there is no -trace", errUsage, name)
	}
	return nil
}

func (s *settings) parseVMs(list string) error {
	for _, field := range strings.Split(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(field))
		if err != nil || n < 1 || n > 10_000 || slices.Contains(s.vms, n) {
			return fmt.Errorf("%w: -vms %q: give numbers from 1 to 10000, each once, such as 1,2,4", errUsage, list)
		}
		s.vms = append(s.vms, n)
	}
	return nil
}

func (s *settings) validate() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{errUsage}, args...)...)
	}
	switch {
	case !(s.vcpus > 0) || math.IsInf(s.vcpus, 0): // negated so that NaN fails
		return bad("-vcpus %v: give a number above 0", s.vcpus)
	case s.slo <= 0:
		return bad("-slo %v: give a time above 0, such as 125ms", s.slo)
	case s.boot < 0:
		return bad("-boot %v: give a time of 0 or more, such as 60s", s.boot)
	case s.pass <= 0:
		return bad("-pass %v: give a time above 0, such as 25ms", s.pass)
	case s.seeds < 1 || s.seeds > 10_000:
		return bad("-seeds %d: give a number from 1 to 10000", s.seeds)
	}
	return nil
}
