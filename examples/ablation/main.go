// Ablation runs the same traffic through the balancer with all of its mechanisms, and
// without each of them, under virtual time, and prints what each is worth. It needs
// nothing but Go; give it a trace for traffic that was recorded.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"slices"

	"github.com/serflow/serflow-go/provisioner/simulate"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "ablation:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f := flag.NewFlagSet("ablation", flag.ContinueOnError)
	f.SetOutput(stderr)
	trace := f.String("trace", "", "`file` of counts, a line a second (second,requests), gzipped or not; default: generated bursts")
	requests := f.Int("requests", 30_000, "how many requests of each stretch of the trace to replay")
	only := regexp.MustCompile("")
	f.Func("only", "`pattern` of the titles of the tables to make, such as 'front, fashion'; default: all", func(s string) (err error) {
		only, err = regexp.Compile(s)
		return err
	})
	seed := f.Uint64("seed", 1, "of all that is random")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *requests < 1000 || f.NArg() > 0 {
		return fmt.Errorf("-requests %d %q: give 1000 or more, and nothing but flags", *requests, f.Args())
	}
	models, err := profiles(ctx)
	if err != nil {
		return err
	}
	t := traces{file: *trace, requests: *requests}
	if err := t.measure(); err != nil {
		return err
	}
	all := slices.DeleteFunc(tables(models), func(t table) bool { return !only.MatchString(t.title()) })
	if len(all) == 0 {
		return fmt.Errorf("-only %q: give a part of a title, such as %q", only, tables(models)[0].title())
	}
	for _, table := range all {
		if err := table.run(ctx, t, *seed, stdout, stderr); err != nil {
			return err
		}
	}
	return nil
}

// progress is a line that is written over.
func progress(stderr io.Writer, what string) func(simulate.Progress) {
	return func(p simulate.Progress) {
		fmt.Fprintf(stderr, "\r%-40s %d of %d runs, %3.0f %% ", what, p.Done, p.Runs, 100*p.Part)
		if p.Done == p.Runs {
			fmt.Fprint(stderr, "\r\033[K")
		}
	}
}
