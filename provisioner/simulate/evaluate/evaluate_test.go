package evaluate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/provisioner/simulate/compare"
	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
)

func theGrid(t *testing.T) *Grid {
	t.Helper()
	g, err := TheGrid()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// The grid is the design's, each cell has a name of its own, and all can be asked.
func TestGrid(t *testing.T) {
	g := theGrid(t)
	main, core := g.MainCells(), g.CoreCells()
	if len(main) != 5*2*3*5*4 || len(core) != 2*2*7 || len(g.SmallCells()) != 2 {
		t.Errorf("%d, %d and %d cells", len(main), len(core), len(g.SmallCells()))
	}
	if all := g.Cells(); len(all) != len(main)+len(core) || !all[0].Variant.Ablations || all[4].Variant.Name != "" || all[5].Variant.Name == "" {
		t.Errorf("%d cells, the fifth and sixth %s and %s", len(all), all[4].Name(), all[5].Name())
	}
	names, large := map[string]bool{}, 0
	for _, c := range append(append(main, core...), g.SmallCells()...) {
		if names[c.Name()] && c.Variant.Name != "" {
			t.Errorf("there are two of %s", c.Name())
		}
		names[c.Name()] = true
		if c.Boot > time.Minute || c.SLO > 2 && c.Variant.Name == "" { // they make no difference to what follows
			continue
		}
		a, err := c.ask(g, flat, g.Length.Largest)
		n := 0.0
		for _, rate := range a.Rates[min(len(a.Rates), 600):] {
			n += rate
		}
		switch {
		case errors.Is(err, ErrLarge):
			large++
		case err != nil:
			t.Errorf("%s: %v", c.Name(), err)
		case n > 1.5*g.Length.Largest || len(a.Rates) < 30*60 || len(a.Rates) > 4*3600+600 || a.Settle != 10*time.Minute || len(a.Policies) == 0:
			t.Errorf("%s: %v requests in %d s under %q", c.Name(), n, len(a.Rates), a.Policies)
		}
	}
	if large != 8*2*2 { // ResNet-50 of 128 vCPUs, VGG16 from 8 on, Fashion-MNIST from 2
		t.Errorf("%d cells are too large", large)
	}
}

func flat(mean float64, length time.Duration) ([]float64, error) {
	return traffic.Bursts(mean, length, 1), nil
}

// A variant is what it says.
func TestVariants(t *testing.T) {
	plain := Cell{Profile: "bert-base", Prices: "aws", SLO: 5, VCPUs: 2, Boot: 3 * time.Minute}
	d, s, err := plain.world()
	if err != nil {
		t.Fatal(err)
	}
	boots := d.Offers["vCPU"].Boot
	if mean := boots.Mean(); (mean-3*time.Minute).Abs() > time.Millisecond || boots[0] == boots[len(boots)-1] {
		t.Errorf("boots %v", boots)
	}
	varied := plain
	varied.Variant = Variant{FunctionPrice: 2, OnDemand: true, Way: 4, Transfer: 0.01, Drift: 0.5}
	d2, s2, err := varied.world()
	if err != nil {
		t.Fatal(err)
	}
	if a, b := s.Functions[0], s2.Functions[0]; b.PerCall != 2*a.PerCall || b.PerGBSecond != 2*a.PerGBSecond {
		t.Errorf("%+v for %+v", b, a)
	}
	if len(s2.VMs) == 0 || len(s2.VMs) >= len(s.VMs) || s2.Transfer.VM != 0.01 || d2.Offers["vCPU"].Way != 4*d.Offers["vCPU"].Way {
		t.Errorf("%d of %d VMs, %+v, %v", len(s2.VMs), len(s.VMs), s2.Transfer, d2.Offers["vCPU"].Way)
	}
	reach, err := varied.drift(d)()
	if err != nil || plain.drift(d) != nil {
		t.Fatal(err)
	}
	if then := reach(15 * time.Minute)[3]; math.Abs(then-0.675) > 1e-9 || math.Abs(reach(0)[3]-0.35) > 1e-9 {
		t.Errorf("reach %v", then)
	}
	if got := stretched(nil, time.Minute); !reflect.DeepEqual(got, profile.Samples{time.Minute}) {
		t.Errorf("%v", got)
	}
}

// lines are two cells: in the first all is well, in the second the default is dearer than UniformHybrid and misses the SLO.
func lines() (all Lines) {
	for i, name := range []string{"first", "second, \"quoted\""} {
		for policy, dollars := range map[string]float64{Default: 1, compare.UniformHybrid: 1.25 - 0.5*float64(i), compare.FunctionsOnly: 4, compare.OfflineOptimal: 0.8} {
			all = append(all, Line{
				Cell: name, Profile: "p", Prices: "aws", SLO: 5, VCPUs: 8, Boot: time.Minute, Traffic: "bursts", Ran: "2026-11-28", Seconds: 1200, Requests: 1e5, Seeds: 3,
				Policy: policy, Dollars: dollars, VMs: dollars / 2, Functions: dollars / 2, Bound: 0.5, Busy: 0.5, Within: 0.995, Good: 1 - 0.1*float64(i), Met: policy != Default || i == 0, P99: 0.1,
			})
		}
	}
	return append(all, Line{Cell: "third", Profile: "p", Why: "too many requests: 1e9"}, Line{Cell: "fourth", Profile: "p", Why: "nothing that is offered"})
}

func TestLines(t *testing.T) {
	want := lines()
	var b bytes.Buffer
	if err := want.Write(&b, true); err != nil {
		t.Fatal(err)
	}
	whole := b.String()
	got, err := Read(&b)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\n%+v, want\n%+v", err, got, want)
	}
	broken := whole[:strings.LastIndex(whole, `"second`)+40]
	if got, err := Read(strings.NewReader(broken)); err != nil || len(got) != 4 || got[0].Cell != "first" {
		t.Errorf("of a broken file: %v, %v", got, err)
	}
	if _, err := Read(strings.NewReader(whole + strings.Replace(whole, "2026", "x", 1) + "a,b\n" + whole)); err == nil {
		t.Error("it reads nonsense")
	}
	if _, err := Read(strings.NewReader(strings.Replace(whole, ",1200,", ",twelve,", 1))); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Error(err)
	}
}

func TestSaves(t *testing.T) {
	all := results(lines())
	if len(all) != 2 {
		t.Fatal(len(all))
	}
	if x, ok := all[0].saves(true, compare.UniformHybrid, compare.FunctionsOnly, "none"); !ok || math.Abs(x-0.2) > 1e-9 {
		t.Error(x, ok)
	}
	if x, ok := all[1].saves(false, compare.UniformHybrid); !ok || math.Abs(x+1./3) > 1e-9 {
		t.Error(x, ok)
	}
	if _, ok := all[1].saves(true, compare.UniformHybrid); ok {
		t.Error("who misses the SLO saves nothing")
	}
	if _, ok := all[0].saves(false, compare.LibraTuned); ok {
		t.Error("it was not run")
	}
	if s := over(all, func(r *result) (float64, bool) { return r.saves(false, compare.UniformHybrid) }); math.Abs(s.median()-(0.2-1./3)/2) > 1e-9 || s.quantile(0) > s.quantile(1) {
		t.Error(s)
	}
}

// The text says what the lines say.
func TestText(t *testing.T) {
	var b bytes.Buffer
	if err := theGrid(t).Text(&b, lines()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"2 cells of the main grid's 600", "1 more for which no plan", "and 1 that were passed over", "In 1 of the 2 cells", "goes on for 10m0s",
		"| CostOptimal | 2 | 1 | 2.00 | 2.00 | 2.00 | 95.0 % | 90.0 % |",
		"| UniformHybrid | as it is | 1 | 20.0 % cheaper | 20.0 % cheaper | 2 | -6.7 % cheaper | -33.3 % cheaper |",
		"| OfflineOptimal, 8 vCPUs and more | at most 15 % dearer | 1 | 25.0 % dearer | 25.0 % dearer | 2 | 25.0 % dearer | 25.0 % dearer |",
		"| functions | 50.0 % | 50.0 % | 50.0 % |",
		"| second, \"quoted\" | -33.3 % | 90.0 % | 90.0 % | UniformHybrid |",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, &b)
		}
	}
	if strings.Contains(b.String(), "NaN") {
		t.Error(b.String())
	}
}

// A cell that is worse than it was is named.
func TestCompared(t *testing.T) {
	now := lines()[:8]
	for name, change := range map[string]func(*Line){
		"": func(l *Line) { l.Dollars *= 1.04 },
		"[first]": func(l *Line) {
			if l.Cell == "first" {
				l.Dollars *= 1.06
			}
		},
		"[first second, \"quoted\"]": func(l *Line) { l.Good -= 0.03 },
	} {
		changed := append(Lines{}, now...)
		for i := range changed {
			change(&changed[i])
		}
		worse, err := compared(lines(), changed, io.Discard)
		if got := strings.TrimPrefix(fmt.Sprint(worse), "[]"); err != nil || got != name {
			t.Errorf("%q, %v, want %q", got, err, name)
		}
	}
	now[0].Cell = "unknown"
	if _, err := compared(lines(), now, io.Discard); err == nil {
		t.Error("a cell that nobody knows is as good as any")
	}
}

// EVALUATION.md is what the cells come to: it is not written by hand, nor left behind.
func TestEvaluation(t *testing.T) {
	cells, err := os.Open("cells.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer cells.Close()
	all, err := Read(cells)
	if err != nil {
		t.Fatal(err)
	}
	written, err := os.ReadFile("../EVALUATION.md")
	if err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	if err := theGrid(t).Text(&want, all); err != nil {
		t.Fatal(err)
	}
	if want.String() != string(written) {
		t.Error("EVALUATION.md is not what cells.csv says: make evaluation STOP=0s")
	}
}
