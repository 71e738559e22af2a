package report

import (
	"errors"
	"fmt"
	"image/color"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/serflow/serflow-go/provisioner/simulate"
	"github.com/serflow/serflow-go/provisioner/simulate/compare"
)

// ErrReport marks a report that cannot be drawn.
var ErrReport = errors.New("cannot draw this report")

// Charts are those of a report: cost by policy with the bound, latency, where requests exit, who does the
// work, and traffic and fleet over time under the policy that is Shown. The error wraps ErrReport if no policy ran, or if
// the comparison was made without Detail.
func Charts(r *compare.Report) ([]*Chart, error) {
	shown, err := Shown(r)
	if err != nil {
		return nil, err
	}
	var all []*Chart
	for _, make := range []func() (*Chart, error){
		func() (*Chart, error) { return cost(r) },
		func() (*Chart, error) { return OverTime(shown) },
		func() (*Chart, error) { return split(r) },
		func() (*Chart, error) { return latency(r, shown) },
		func() (*Chart, error) { return exits(r, shown) },
	} {
		c, err := make()
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

// Shown is the policy that is drawn where only one is: the cheapest that met the SLO, or else the first that ran.
func Shown(r *compare.Report) (*compare.Row, error) {
	shown := r.Cheapest()
	if shown == nil {
		if all := ran(r); len(all) > 0 {
			shown = all[0]
		}
	}
	switch {
	case shown == nil:
		return nil, fmt.Errorf("%w: no policy could run", ErrReport)
	case len(shown.Results) == 0 || len(shown.Results[0].Samples) == 0:
		return nil, fmt.Errorf("%w: it has no samples over time: set Detail of the comparison", ErrReport)
	}
	return shown, nil
}

// ran are the policies with figures.
func ran(r *compare.Report) (all []*compare.Row) {
	for _, row := range r.Rows {
		if row.Why == "" {
			all = append(all, row)
		}
	}
	return all
}

// rows makes the vertical axis one of names, the first at the top.
func rows(p *plot.Plot, names []string) {
	slices.Reverse(names)
	p.NominalY(names...)
	p.Y.Min, p.Y.Max = -0.6, float64(len(names))-0.4
}

// high is the height of a chart of n horizontal bars.
func high(n int) vg.Length { return vg.Length(18*n + 70) }

// cost is what policies cost, by what they pay for.
func cost(r *compare.Report) (*Chart, error) {
	all := ran(r)
	p := newPlot("dollars an hour", "")
	n := len(all)
	var names, remarks []string
	ends := make(plotter.XYs, n)
	parts := [3]plotter.Values{make(plotter.Values, n), make(plotter.Values, n), make(plotter.Values, n)}
	for i, row := range all {
		at := n - 1 - i
		names = append(names, row.Policy)
		parts[0][at], parts[1][at], parts[2][at] = row.VMs.Mean, row.Functions.Mean, row.Transfer.Mean
		ends[i] = plotter.XY{X: row.Total.Mean, Y: float64(at)}
		remarks = append(remarks, "  "+row.Total.Text(4)+", SLO "+r.Verdict(row))
	}
	rows(p, names)
	var on *plotter.BarChart
	for i, name := range []string{"VMs", "functions", "transfer"} {
		b, err := bars(parts[i], on, []color.Color{blue, orange, green}[i])
		if err != nil {
			return nil, err
		}
		on = b
		p.Add(b)
		p.Legend.Add(name, b)
	}
	bound, err := mark(plotter.XYs{{X: r.Bound.Total.Mean, Y: -0.6}, {X: r.Bound.Total.Mean, Y: float64(n) - 0.4}}, red)
	if err != nil {
		return nil, err
	}
	labels, err := texts(ends, remarks, draw.XLeft, grey)
	if err != nil {
		return nil, err
	}
	p.Add(bound, labels)
	p.Legend.Add("nothing costs less", bound)
	p.Legend.Top = false
	p.X.Min, p.X.Max = 0, 1.35*p.X.Max
	return &Chart{
		Name: "cost", Title: "Cost by policy", panels: []*plot.Plot{p}, high: high(n),
		Caption: "US dollars an hour, by what is paid for; ± is half of a 95 % confidence interval. The broken line is the lower bound: no policy can stay to its left. A policy that missed the SLO has saved nothing.",
	}, nil
}

// split is which share of the work each group does, in runs of a stage for one request.
func split(r *compare.Report) (*Chart, error) {
	p := newPlot("share of the stages that were run, per cent", "")
	all := ran(r)
	var names, labels []string
	var at plotter.XYs
	for i, row := range all {
		names = append(names, row.Policy)
		y, from := float64(len(all)-1-i), 0.0
		for _, g := range groups(row.Results[0]) {
			box, err := plotter.NewPolygon(plotter.XYs{{X: from, Y: y - 0.3}, {X: from + g.share, Y: y - 0.3}, {X: from + g.share, Y: y + 0.3}, {X: from, Y: y + 0.3}})
			if err != nil {
				return nil, err
			}
			box.Color, box.LineStyle.Width = g.color, 0
			if g.share > 0 {
				p.Add(box)
			}
			if g.share > 18 {
				labels, at = append(labels, g.where+", "+g.name), append(at, plotter.XY{X: from + g.share/2, Y: y})
			}
			from += g.share
		}
	}
	rows(p, names)
	if len(labels) > 0 {
		inside, err := texts(at, labels, draw.XCenter, color.Black)
		if err != nil {
			return nil, err
		}
		p.Add(inside)
	}
	p.X.Min, p.X.Max = 0, 100
	return &Chart{
		Name: "split", Title: "Who does the work", panels: []*plot.Plot{p}, high: high(len(all)),
		Caption: "Share of all runs of a stage that each group of the policy's plan does: VM groups blue, functions orange, in the order of the stages; seed " + fmt.Sprint(r.Seed) + ". Groups with less than 18 % carry no name.",
	}, nil
}

// exits is where requests leave the model.
func exits(r *compare.Report, shown *compare.Row) (*Chart, error) {
	p := newPlot("", "share of the answers, per cent")
	values := make(plotter.Values, len(shown.Exits))
	at, labels := make(plotter.XYs, len(values)), make([]string, len(values))
	for s, share := range shown.Exits {
		values[s] = 100 * share
		at[s], labels[s] = plotter.XY{X: float64(s), Y: values[s]}, fmt.Sprintf("%.1f %%", values[s])
	}
	b, err := plotter.NewBarChart(values, 40)
	if err != nil {
		return nil, err
	}
	b.Color, b.LineStyle.Width = green, 0
	above, err := texts(at, labels, draw.XCenter, grey)
	if err != nil {
		return nil, err
	}
	above.Offset.Y = 8
	p.Add(b, above)
	p.NominalX(stageNames(r, len(values))...)
	p.Y.Min, p.Y.Max = 0, 1.1*p.Y.Max
	return &Chart{
		Name: "exits", Title: "Where requests exit", panels: []*plot.Plot{p}, high: 220,
		Caption: "Share of the answers that each stage's exit gives, under " + shown.Policy + ".",
	}, nil
}

// stageNames are those of the model, numbered where it has none.
func stageNames(r *compare.Report, n int) []string {
	names := make([]string, n)
	for s := range names {
		names[s] = fmt.Sprintf("stage %d", s+1)
		if s < len(r.Stages) && !strings.EqualFold(r.Stages[s], names[s]) {
			names[s] += ": " + r.Stages[s]
		}
	}
	return names
}

// worker is a group's part of the work.
type worker struct {
	where, name string
	share       float64 // per cent
	color       color.Color
}

func groups(x simulate.Result) (all []worker) {
	runs := 0
	for i, g := range x.VMs {
		all = append(all, worker{where: "VMs", name: g.Stages, share: float64(g.StageRuns), color: shade(blue, i)})
		runs += g.StageRuns
	}
	for i, g := range x.Functions {
		all = append(all, worker{where: "function", name: g.Stages, share: float64(g.StageRuns), color: shade(orange, i)})
		runs += g.StageRuns
	}
	for i := range all {
		all[i].share *= 100 / float64(max(runs, 1))
	}
	return all
}
