package evaluate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/provisioner/simulate"
	"github.com/serflow/serflow-go/provisioner/simulate/compare"
	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
)

// Settings are how cells are run. The zero value of a field is its default.
type Settings struct {
	Traffic  Traffic       // default traffic.Bursts with the grid's seed
	Name     string        // of the traffic; default "bursts"
	Largest  float64       // number of requests that a cell may have; default the grid's
	Today    string        // the date that lines get
	Stop     time.Duration // no cell begins after so long; default never
	Now      func() time.Time
	Progress func(Progress) // is told when a cell begins, and now and then
}

// Progress is how far Run is.
type Progress struct {
	Done, Cells int
	Cell        string
	Part        float64 // of the cell
}

// Run runs cells one after the other, each on all cores, and hands the lines of each to save. Those that are done, by
// name, are passed over. A cell that has no plan or too much traffic has a single line, which says why. The error is save's, that of ctx, or
// of a cell that should have run.
func (g *Grid) Run(ctx context.Context, cells []Cell, done map[string]bool, s Settings, save func(Lines) error) error {
	s = s.withDefaults(g)
	begun := s.Now()
	for i, c := range cells {
		if done[c.Name()] {
			continue
		}
		if s.Stop > 0 && s.Now().Sub(begun) > s.Stop {
			return nil
		}
		lines, err := g.cell(ctx, c, s, func(part float64) { s.Progress(Progress{Done: i, Cells: len(cells), Cell: c.Name(), Part: part}) })
		if err == nil {
			err = save(lines)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", c.Name(), err)
		}
	}
	return nil
}

func (s Settings) withDefaults(g *Grid) Settings {
	if s.Traffic == nil {
		s.Name = "bursts"
		s.Traffic = func(mean float64, length time.Duration) ([]float64, error) {
			return traffic.Bursts(mean, length, g.Seed), nil
		}
	}
	if s.Largest == 0 {
		s.Largest = g.Length.Largest
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	if s.Progress == nil {
		s.Progress = func(Progress) {}
	}
	return s
}

// cell runs one.
func (g *Grid) cell(ctx context.Context, c Cell, s Settings, tell func(part float64)) (Lines, error) {
	tell(0)
	l := Line{Cell: c.Name(), Variant: c.Variant.Name, Profile: c.Profile, Prices: c.Prices, SLO: c.SLO, VCPUs: c.VCPUs, Boot: c.Boot, Traffic: s.Name, Ran: s.Today}
	a, err := c.ask(g, s.Traffic, s.Largest)
	if err == nil {
		a.Progress = func(p simulate.Progress) { tell(p.Part) }
		var r *compare.Report
		if r, err = compare.Compare(ctx, a); err == nil {
			return l.of(r), nil
		}
	}
	for _, expected := range []error{ErrLarge, planner.ErrSLO, planner.ErrFit} {
		if errors.Is(err, expected) {
			l.Why = err.Error()
			return Lines{l}, nil
		}
	}
	return nil, err
}

// goodMinutes is the share of the minutes in which the SLO is to be met.
const goodMinutes = 0.995

// of is a line for each policy of a report.
func (l Line) of(r *compare.Report) (all Lines) {
	l.Seconds, l.Requests, l.Seeds = r.Seconds, r.Requests.Mean, r.Seeds
	for _, row := range r.Rows {
		x := l
		x.Policy, x.Dollars, x.Half, x.VMs, x.Functions = row.Policy, row.Total.Mean, row.Total.Half, row.VMs.Mean, row.Functions.Mean
		x.Bound, x.Busy, x.Within, x.Good, x.Met = r.Bound.Total.Mean, row.Utilisation.Mean, row.Within.Mean, row.Good.Mean, row.Why == "" && row.Good.Mean >= goodMinutes
		x.P99, x.Why = row.Latency.P99.Mean, row.Why
		all = append(all, x)
	}
	return all
}
