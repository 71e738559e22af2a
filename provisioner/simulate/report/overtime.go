package report

import (
	"fmt"
	"image/color"
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"

	"github.com/serflow/serflow-go/provisioner/simulate"
	"github.com/serflow/serflow-go/provisioner/simulate/compare"
)

// OverTime is what came, what was rented and who did the work, in one policy's run with the first seed.
// The error wraps ErrReport if the run was without Detail.
func OverTime(row *compare.Row) (*Chart, error) {
	if row.Why != "" || len(row.Results) == 0 || len(row.Results[0].Samples) == 0 {
		return nil, fmt.Errorf("%w: %s has no samples over time", ErrReport, row.Policy)
	}
	x := row.Results[0]
	c := &Chart{
		Name: "over-time-" + fileName(row.Policy), Title: "Traffic and fleet over time: " + row.Policy, high: 460,
		Caption: fmt.Sprintf("Seed %d. Above: requests a second that came, and of those that ended the ones not answered within the SLO. Middle: VMs that are paid for (broken) and those that serve (solid), for each VM group. "+
			"Below: stages run a second by each group, stacked, VM groups blue and functions orange.", x.Seed),
	}
	for _, panel := range []func(simulate.Result) (*plot.Plot, error){traffic, fleet, work} {
		p, err := panel(x)
		if err != nil {
			return nil, err
		}
		p.X.Min, p.X.Max = 0, x.Samples[len(x.Samples)-1].Until/unit(x)
		c.panels = append(c.panels, p)
	}
	c.panels[2].X.Label.Text = unitName(x)
	return c, nil
}

// fileName is a policy's name in letters, digits and hyphens.
func fileName(policy string) string {
	words := strings.FieldsFunc(strings.ToLower(policy), func(r rune) bool { return !('a' <= r && r <= 'z' || '0' <= r && r <= '9') })
	return strings.Join(words, "-")
}

// unit is the seconds of the horizontal axis' unit.
func unit(x simulate.Result) float64 {
	switch until := x.Samples[len(x.Samples)-1].Until; {
	case until <= 2*3600:
		return 60
	case until <= 4*86400:
		return 3600
	}
	return 86400
}

func unitName(x simulate.Result) string {
	return map[float64]string{60: "minutes", 3600: "hours", 86400: "days"}[unit(x)]
}

// roomy leaves room for the legend above what is drawn.
const roomy = 1.25

// steps is a number of each interval, as a line with steps.
func steps(x simulate.Result, of func(s simulate.Sample, seconds float64) float64) (points plotter.XYs) {
	from := 0.0
	for _, s := range x.Samples {
		y := of(s, s.Until-from)
		points = append(points, plotter.XY{X: from / unit(x), Y: y}, plotter.XY{X: s.Until / unit(x), Y: y})
		from = s.Until
	}
	return points
}

func traffic(x simulate.Result) (*plot.Plot, error) {
	p := newPlot("", "requests a second")
	came, err := line(steps(x, func(s simulate.Sample, seconds float64) float64 { return float64(s.Arrived) / seconds }), color.Black)
	if err != nil {
		return nil, err
	}
	late, err := line(steps(x, func(s simulate.Sample, seconds float64) float64 { return float64(s.Ended-s.Within) / seconds }), red)
	if err != nil {
		return nil, err
	}
	p.Add(came, late)
	p.Legend.Add("came", came)
	p.Legend.Add("not in time", late)
	p.Y.Min, p.Y.Max = 0, roomy*p.Y.Max
	return p, nil
}

func fleet(x simulate.Result) (*plot.Plot, error) {
	p := newPlot("", "VMs")
	for i, g := range x.VMs {
		c := shade(blue, i)
		there, err := mark(steps(x, func(s simulate.Sample, _ float64) float64 { return float64(s.Groups[i].VMs) }), c)
		if err != nil {
			return nil, err
		}
		ready, err := line(steps(x, func(s simulate.Sample, _ float64) float64 { return float64(s.Groups[i].Ready) }), c)
		if err != nil {
			return nil, err
		}
		if g.VMSeconds > 0 {
			p.Add(there, ready)
			p.Legend.Add(g.Stages+" on "+g.Offer, ready)
		}
	}
	p.Y.Min, p.Y.Max = 0, roomy*max(p.Y.Max, 1)
	p.Y.Tick.Marker = plot.TickerFunc(whole)
	return p, nil
}

func work(x simulate.Result) (*plot.Plot, error) {
	p := newPlot("", "stages a second")
	var names []string
	var colors []color.Color
	for i, g := range x.VMs {
		names, colors = append(names, "VMs, "+g.Stages), append(colors, shade(blue, i))
	}
	for i, g := range x.Functions {
		names, colors = append(names, "function, "+g.Stages), append(colors, shade(orange, i))
	}
	for i := len(names) - 1; i >= 0; i-- { // the whole pile first, and what is below it over it
		pile := steps(x, func(s simulate.Sample, seconds float64) (sum float64) {
			for _, g := range s.Groups[:i+1] {
				sum += float64(g.StageRuns)
			}
			return sum / seconds
		})
		end := pile[len(pile)-1].X
		area, err := plotter.NewPolygon(append(pile, plotter.XY{X: end}, plotter.XY{}))
		if err != nil {
			return nil, err
		}
		area.Color, area.LineStyle.Width = colors[i], 0
		p.Add(area)
		p.Legend.Add(names[i], area)
	}
	p.Y.Min, p.Y.Max = 0, roomy*p.Y.Max
	return p, nil
}

// whole marks whole numbers, at most ten of them.
func whole(least, most float64) (ticks []plot.Tick) {
	step := math.Ceil((most - least) / 10)
	for at := math.Ceil(least); at <= most; at += step {
		ticks = append(ticks, plot.Tick{Value: at, Label: strconv.FormatFloat(at, 'f', 0, 64)})
	}
	return ticks
}
