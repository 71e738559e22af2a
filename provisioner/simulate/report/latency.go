package report

import (
	"fmt"
	"image/color"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"

	"github.com/serflow/serflow-go/provisioner/simulate"
	"github.com/serflow/serflow-go/provisioner/simulate/compare"
)

const rarest = 1e-4 // share of the answers that is still drawn

// latency is how many answers take longer than a time, on two logarithmic axes: a straight fall is a
// good tail, a shoulder a bad one.
func latency(r *compare.Report, shown *compare.Row) (*Chart, error) {
	p := newPlot("milliseconds from a request's arrival to its answer", "share") // gonum makes room above a longer text on a logarithmic axis
	colors := []color.Color{blue, orange, green, pink, sky, grey}
	least, most := math.Inf(1), 1e3*r.SLO
	for _, row := range rivals(r, shown) {
		points := tail(row.Results[0].Distribution)
		if len(points) == 0 || len(colors) == 0 {
			continue
		}
		l, err := line(points, colors[0])
		if err != nil {
			return nil, err
		}
		colors = colors[1:]
		p.Add(l)
		p.Legend.Add(row.Policy, l)
		least, most = min(least, points[0].X), max(most, points[len(points)-1].X)
	}
	if math.IsInf(least, 1) {
		least = most / 10
	}
	slo, err := mark(plotter.XYs{{X: 1e3 * r.SLO, Y: rarest}, {X: 1e3 * r.SLO, Y: 1}}, red)
	if err != nil {
		return nil, err
	}
	p.Add(slo)
	p.Legend.Add("SLO", slo)
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	p.X.Tick.Marker, p.Y.Tick.Marker = decades(1, 2, 5), decades(1)
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = least, 1.05*most, rarest, 1
	p.Legend.Left, p.Legend.Top = true, false
	return &Chart{
		Name: "latency", Title: "Latency", panels: []*plot.Plot{p}, high: 300,
		Caption: fmt.Sprintf("Share of the answers that take longer than a time, end to end, of seed %d. Requests without an answer in time are not in it: the table counts them.", r.Seed),
	}, nil
}

// rivals are the policies whose latency is drawn, the one that is shown first.
func rivals(r *compare.Report, shown *compare.Row) []*compare.Row {
	all := []*compare.Row{shown}
	for _, name := range []string{compare.CostOptimal, compare.Serflow, compare.LibraMeasured, compare.KnativeLike, compare.FunctionsOnly} {
		for _, row := range ran(r) {
			if row.Policy == name && !slices.Contains(all, row) {
				all = append(all, row)
			}
		}
	}
	return all
}

// tail is the share above each time, down to the rarest.
func tail(parts []simulate.Part) (points plotter.XYs) {
	above := 1.0
	for _, x := range parts {
		if x.Seconds <= 0 {
			continue
		}
		ms := 1e3 * x.Seconds
		points = append(points, plotter.XY{X: ms, Y: max(above, rarest)})
		if above = 1 - x.Share; above < rarest {
			return append(points, plotter.XY{X: ms, Y: rarest})
		}
	}
	return points
}

// decades marks each power of ten and its multiples, and writes at these ones.
func decades(written ...int) plot.TickerFunc {
	return func(least, most float64) (ticks []plot.Tick) {
		for power := math.Floor(math.Log10(least)); power <= math.Log10(most); power++ {
			for digit := 1; digit < 10; digit++ {
				at := float64(digit) * math.Pow(10, power)
				if at < least*0.999 || at > most*1.001 {
					continue
				}
				tick := plot.Tick{Value: at}
				if slices.Contains(written, digit) {
					tick.Label = strconv.FormatFloat(at, 'f', max(0, -int(power)), 64)
				}
				ticks = append(ticks, tick)
			}
		}
		return ticks
	}
}
