// Simulate replays an hour of recorded traffic on fixed plans of VMs and cloud
// functions, under virtual time, and compares what each costs and how fast it answers.
// The early exits are those of the Fashion-MNIST model beside it; prices and service
// times are assumptions, which it prints. It needs nothing but Go.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/serflow/serflow-go/provisioner/simulate"
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
	var n network
	if err == nil {
		n, err = readModel(ctx)
	}
	if err == nil {
		err = compare(ctx, s, n, stdout, stderr)
	}
	if err == nil {
		return 0
	}
	fmt.Fprintln(stderr, "simulate:", err)
	return exitCode(err)
}

func exitCode(err error) int {
	for _, asked := range []error{errUsage, simulate.ErrScenario, traffic.ErrSettings} {
		if errors.Is(err, asked) {
			return 2
		}
	}
	return 1
}

// compare runs every plan with every seed, and reports.
func compare(ctx context.Context, s settings, n network, stdout, stderr io.Writer) error {
	w, err := newWorkload(s, n)
	if err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	file, err := s.create()
	if err != nil {
		return fmt.Errorf("%w: -json: %w", errUsage, err)
	}
	defer file.abandon()
	plans := plansOf(s, n)
	show := newProgress(stderr)
	results, err := simulate.RunAll(ctx, w.scenarios(s, plans), show.tell)
	show.end()
	if err != nil {
		return err
	}
	r := newReport(s, w, plans, results)
	if file.File == nil {
		return r.writeJSON(stdout)
	}
	r.print(stdout)
	if err := file.save(r); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "\nAll figures, those of each seed too: %s\n", file.Name())
	return nil
}
