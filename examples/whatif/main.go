// Whatif reads a server's access log and says what that traffic would cost under every policy and on every offer, what
// nothing could stay below, and the plan that Serflow would run. It needs no cloud account, and sends nothing anywhere.
package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"slices"
	"time"

	"github.com/serflow/serflow-go/internal/simcli"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/provisioner/simulate/accesslog"
	"github.com/serflow/serflow-go/provisioner/simulate/catalogue"
	"github.com/serflow/serflow-go/provisioner/simulate/compare"
	"github.com/serflow/serflow-go/provisioner/simulate/report"
	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
)

// sample is a log of forty minutes, in the combined format. It is generated: nobody's traffic.
//
//go:embed access.log.gz
var sample []byte

const sampleName = "a generated log (give one of your own: whatif access.log)"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the program; it returns its exit code: 2 if what was asked for cannot be, 1 if
// anything else went wrong.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	s, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err == nil {
		err = s.run(ctx, stdin, stdout, stderr)
	}
	if err == nil {
		return 0
	}
	fmt.Fprintln(stderr, "whatif:", err)
	for _, asked := range []error{simcli.ErrUsage, accesslog.ErrLog, compare.ErrAsk, catalogue.ErrSheet, planner.ErrAsk, planner.ErrFit, planner.ErrSLO, profile.ErrProfile, fs.ErrNotExist} {
		if errors.Is(err, asked) {
			return 2
		}
	}
	return 1
}

func (s settings) run(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) error {
	m, err := simcli.Read(s.profile, s.prices)
	if err != nil {
		return err
	}
	html, err := simcli.Create("-html", s.html)
	if err != nil {
		return err
	}
	defer html.Abandon()
	json, err := simcli.Create("-json", s.json)
	if err != nil {
		return err
	}
	defer json.Abandon()
	l, name, err := s.read(stdin)
	if err != nil {
		return err
	}
	from, to := 0, len(l.Seconds)
	if !s.whole {
		from, to = window(l.Seconds, enough)
	}
	a, err := s.ask(m, l, from, to, name)
	if err != nil {
		return err
	}
	if s.json != "-" {
		describe(stdout, l, name)
		part(stdout, l, from, to)
	}
	offers, err := compare.Offers(a)
	if err != nil {
		return err
	}
	show := simcli.NewProgress(stderr)
	a.Progress = show.Tell
	r, err := compare.Compare(ctx, a)
	show.End()
	if err != nil {
		return err
	}
	drawn := html.Save(func(out io.Writer) error { return report.HTML(out, r) })
	if s.json == "-" {
		return errors.Join(r.JSON(stdout), drawn)
	}
	tell(stdout, r, offers)
	return errors.Join(drawn, json.Save(r.JSON))
}

// read reads all logs, or the sample.
func (s settings) read(stdin io.Reader) (*accesslog.Counts, string, error) {
	r := accesslog.Reader{Key: s.key}
	name := sampleName
	if len(s.logs) == 0 {
		if err := r.Read("the sample", bytes.NewReader(sample)); err != nil {
			return nil, "", err
		}
	}
	for i, log := range s.logs {
		if name = log; len(s.logs) > 1 {
			name = fmt.Sprintf("%s and %d more", s.logs[0], i)
		}
		if err := readFile(&r, log, stdin); err != nil {
			return nil, "", err
		}
	}
	l, err := r.Counts()
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", name, err)
	}
	if l.Requests < 100 || len(l.Seconds) < 60 {
		return nil, "", fmt.Errorf("%w: %s: %d requests in %v say nothing of what traffic costs: give a log of a minute and a hundred requests at least", accesslog.ErrLog, name, l.Requests, l.Length())
	}
	return l, name, nil
}

func readFile(r *accesslog.Reader, name string, stdin io.Reader) error {
	if name == "-" {
		return r.Read("standard input", stdin)
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return r.Read(name, f)
}

// ask is what is to be compared: requests at random, at the log's rates smoothed over a minute.
func (s settings) ask(m simcli.Model, l *accesslog.Counts, from, to int, name string) (a compare.Ask, err error) {
	a = compare.Ask{
		Profile: m.Profile, Prices: m.Prices, SLO: m.SLO(s.slo), Runs: s.runs, Seed: s.seed, Seeds: s.seeds,
		Traffic: name + ", its rate smoothed over a minute and redrawn",
	}
	if s.html != "" {
		a.Detail = simcli.Detail(time.Duration(to-from) * time.Second)
	}
	rates, err := traffic.Smoothed(l.Seconds[from:to], 0)
	if err != nil {
		return a, err
	}
	a.Settle = 10 * time.Minute // at the first rate, of a service that has been there before
	a.Rates = append(slices.Repeat(rates[:1], int(a.Settle/time.Second)), rates...)
	return a, nil
}
