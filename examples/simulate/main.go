// Simulate runs the same requests under every policy, under virtual time, and compares what each
// costs and how well it answers, with what is possible at best. It needs nothing but Go: profiles,
// prices and traffic are at hand, and a flag each takes your own.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"

	"github.com/serflow/serflow-go/internal/simcli"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/provisioner/simulate/catalogue"
	"github.com/serflow/serflow-go/provisioner/simulate/compare"
	"github.com/serflow/serflow-go/provisioner/simulate/report"
	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program; it returns its exit code: 2 if what was asked for cannot be, 1 if
// anything else went wrong.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	s, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err == nil {
		err = s.run(ctx, stdout, stderr)
	}
	if err == nil {
		return 0
	}
	fmt.Fprintln(stderr, "simulate:", err)
	return exitCode(err)
}

func exitCode(err error) int {
	for _, asked := range []error{simcli.ErrUsage, compare.ErrAsk, catalogue.ErrSheet, planner.ErrAsk, planner.ErrFit, planner.ErrSLO, profile.ErrProfile, traffic.ErrSettings, traffic.ErrTrace, fs.ErrNotExist} {
		if errors.Is(err, asked) {
			return 2
		}
	}
	return 1
}

func (s settings) run(ctx context.Context, stdout, stderr io.Writer) error {
	a, err := s.ask()
	if err != nil {
		return err
	}
	json, err := simcli.Create("-json", s.json)
	if err != nil {
		return err
	}
	defer json.Abandon()
	csv, err := simcli.Create("-csv", s.csv)
	if err != nil {
		return err
	}
	defer csv.Abandon()
	html, err := simcli.Create("-html", s.html)
	if err != nil {
		return err
	}
	defer html.Abandon()
	if err := simcli.Folder("-png", s.png); err != nil {
		return err
	}
	show := simcli.NewProgress(stderr)
	a.Progress = show.Tell
	r, err := compare.Compare(ctx, a)
	show.End()
	if err != nil {
		return err
	}
	drawn := errors.Join(
		html.Save(func(out io.Writer) error { return report.HTML(out, r) }),
		simcli.Pictures("-png", s.png, r),
	)
	if s.json == "-" {
		return errors.Join(r.JSON(stdout), csv.Save(r.CSV), drawn)
	}
	head(stdout, r)
	return errors.Join(r.Table(stdout), json.Save(r.JSON), csv.Save(r.CSV), drawn)
}

// head says what was compared, and what of it is assumed.
func head(out io.Writer, r *compare.Report) {
	fmt.Fprintf(out, "Model    %s\n", r.Model)
	if r.Source != "" {
		fmt.Fprintf(out, "Source   %s\n", r.Source)
	}
	for _, a := range r.Assumed {
		fmt.Fprintf(out, "Assumed  %s\n", a)
	}
	fmt.Fprintf(out, "Prices   %s\n", r.Prices)
	fmt.Fprintf(out, "Traffic  %s: %.0f requests in %.4g hours, %.3g vCPUs of work\n", r.Traffic, r.Requests.Mean, float64(r.Seconds)/3600, r.VCPUs)
	fmt.Fprintf(out, "SLO      99 %% of requests within %.4g s, in 99.5 %% of minutes; what is later than that has no answer\n", r.SLO)
	fmt.Fprintf(out, "Seeds    %d, from %d\n\n", r.Seeds, r.Seed)
}
