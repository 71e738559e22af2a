// Evaluate runs the evaluation's grid, and writes what came of it. Without arguments it runs a small grid, which takes
// seconds, and fails if the default policy does worse there than it did when that was last written down.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"time"

	"github.com/serflow/serflow-go/provisioner/simulate/evaluate"
	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
)

// settings is what the flags say.
type settings struct {
	cells, text, trace string
	small              string
	from               time.Duration
	largest            float64
	stop               time.Duration
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "evaluate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var s settings
	f := flag.NewFlagSet("evaluate", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&s.cells, "cells", "", "`file` of cells as CSV: those that are not in it are run and added")
	f.StringVar(&s.text, "text", "", "`file` for what came of all cells; with -stop 0s of those that there are")
	f.StringVar(&s.small, "small", "", "`file` to write the small grid's figures to, which later runs are held against")
	f.StringVar(&s.trace, "trace", "", "`file` with a line for each second, \"second,requests\", to run on instead of generated traffic")
	f.DurationVar(&s.from, "from", 0, "where to begin in the trace")
	f.Float64Var(&s.largest, "largest", 0, "number of requests that a cell's shortest run may have; default: the grid's")
	f.DurationVar(&s.stop, "stop", 1000*time.Hour, "begin no cell after so long")
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() > 0 {
		return fmt.Errorf("unexpected %q: only flags are taken", f.Arg(0))
	}
	g, err := evaluate.TheGrid()
	if err != nil {
		return err
	}
	switch {
	case s.cells != "":
		return s.whole(ctx, g, stderr)
	case s.small != "":
		return write(ctx, g, s.small)
	}
	return small(ctx, g, stdout)
}

// small runs the small grid and holds it against what it was.
func small(ctx context.Context, g *evaluate.Grid, stdout io.Writer) error {
	worse, err := g.Check(ctx, stdout)
	if err == nil && len(worse) > 0 {
		err = fmt.Errorf("worse than it was: %q: mend it, or write the new figures down with -small, and say why", worse)
	}
	return err
}

// write writes the small grid's figures down.
func write(ctx context.Context, g *evaluate.Grid, file string) error {
	lines, err := g.RunSmall(ctx, time.Now().UTC().Format(time.DateOnly))
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := lines.Write(&b, true); err != nil {
		return err
	}
	return os.WriteFile(file, b.Bytes(), 0o666)
}

// whole runs what there is not yet, and writes the text.
func (s settings) whole(ctx context.Context, g *evaluate.Grid, stderr io.Writer) error {
	lines, done, err := s.there()
	if err != nil {
		return err
	}
	settings := evaluate.Settings{Largest: s.largest, Today: time.Now().UTC().Format(time.DateOnly), Stop: s.stop}
	if s.trace != "" {
		settings.Name, settings.Traffic = s.trace, s.recorded
	}
	last := time.Now()
	settings.Progress = func(p evaluate.Progress) {
		if now := time.Now(); now.Sub(last) >= 5*time.Second {
			last = now
			fmt.Fprintf(stderr, "%d of %d: %s, %.0f %%\n", p.Done+1, p.Cells, p.Cell, 100*p.Part)
		}
	}
	if s.stop > 0 {
		out, err := os.OpenFile(s.cells, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			return err
		}
		defer out.Close()
		err = g.Run(ctx, g.Cells(), done, settings, func(some evaluate.Lines) error {
			lines = append(lines, some...)
			return add(out, some, false)
		})
		if err != nil {
			return err
		}
	}
	if s.text == "" {
		return nil
	}
	var b bytes.Buffer
	if err := g.Text(&b, lines); err != nil {
		return err
	}
	return os.WriteFile(s.text, b.Bytes(), 0o666)
}

// there are the lines that have been written, and the cells that they are of. The file is left with these alone.
func (s settings) there() (lines evaluate.Lines, done map[string]bool, err error) {
	text, err := os.ReadFile(s.cells)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	if lines, err = evaluate.Read(bytes.NewReader(text)); err != nil {
		return nil, nil, err
	}
	done = map[string]bool{}
	for _, l := range lines {
		done[l.Cell] = true
	}
	var b bytes.Buffer
	if err := lines.Write(&b, true); err != nil {
		return nil, nil, err
	}
	return lines, done, os.WriteFile(s.cells, b.Bytes(), 0o666)
}

// add writes lines in one go, so that a cell is in the file or is not.
func add(out io.Writer, lines evaluate.Lines, fresh bool) error {
	var b bytes.Buffer
	if err := lines.Write(&b, fresh); err != nil {
		return err
	}
	_, err := out.Write(b.Bytes())
	return err
}

// recorded is the trace's rates, smoothed over a minute, at another mean.
func (s settings) recorded(mean float64, length time.Duration) ([]float64, error) {
	t := traffic.Trace{Format: traffic.Counts, From: s.from, To: s.from + length.Truncate(time.Second)}
	t.Open = func() (io.ReadCloser, error) { return os.Open(s.trace) }
	return t.Rates(mean, 0)
}
