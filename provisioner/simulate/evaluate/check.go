package evaluate

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"io"
	"text/tabwriter"
)

//go:embed small.csv
var smallText []byte

// How much worse the default may be in a cell of the small grid than it was.
const (
	dearer = 0.05 // share of its dollars over the bound
	worse  = 0.02 // share of the minutes
)

// Check runs the small grid, tells what it came to, and names the cells in which the default policy does worse than
// when small.csv was written.
func (g *Grid) Check(ctx context.Context, out io.Writer) (cells []string, err error) {
	before, err := Read(bytes.NewReader(smallText))
	if err != nil {
		return nil, err
	}
	now, err := g.RunSmall(ctx, "")
	if err != nil {
		return nil, err
	}
	return compared(before, now, out)
}

// RunSmall runs the small grid with one seed and half an hour of traffic or so: the same each time, if the code is.
// Lines get a date.
func (g *Grid) RunSmall(ctx context.Context, today string) (all Lines, err error) {
	small := *g
	small.Seeds, small.Precision, small.Length.Requests = 1, 0, 1e5
	err = small.Run(ctx, small.SmallCells(), nil, Settings{Today: today}, func(l Lines) error {
		all = append(all, l...)
		return nil
	})
	return all, err
}

// compared holds lines against earlier ones.
func compared(before, now Lines, out io.Writer) (cells []string, err error) {
	was := map[string]*result{}
	for _, r := range results(before) {
		was[r.Cell] = r
	}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "cell\tpolicy\tdollars an hour\tover the bound\tit was\tgood minutes\tit was\n")
	for _, l := range now {
		r := was[l.Cell]
		if r == nil {
			return nil, fmt.Errorf("evaluate: small.csv has no cell %q: write it anew", l.Cell)
		}
		old := r.by[l.Policy]
		fmt.Fprintf(t, "%s\t%s\t%.4f\t%.2f\t%.2f\t%s\t%s\n", l.Cell, l.Policy, l.Dollars, l.Dollars/l.Bound, old.Dollars/old.Bound, percent(l.Good), percent(old.Good))
		if l.Policy == Default && (l.Dollars/l.Bound > (1+dearer)*old.Dollars/old.Bound || l.Good < old.Good-worse) {
			cells = append(cells, l.Cell)
		}
	}
	return cells, t.Flush()
}
