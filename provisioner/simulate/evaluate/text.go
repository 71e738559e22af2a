package evaluate

import (
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/serflow/serflow-go/provisioner/simulate/compare"
)

//go:embed text.md
var textText string

var text = template.Must(template.New("text").Parse(textText))

// Text writes what came of the grid, as far as there are lines: EVALUATION.md.
func (g *Grid) Text(out io.Writer, lines Lines) error {
	all := results(lines)
	main := where(all, func(r *result) bool { return r.Variant == "" })
	core := where(all, func(r *result) bool { return r.Variant != "" })
	ablated := where(core, func(r *result) bool {
		return slices.ContainsFunc(g.Variants, func(v Variant) bool { return v.Ablations && v.Name == r.Variant })
	})
	data := struct {
		*Grid
		Planned, CorePlanned, Ran, CoreRan  int
		NoPlan, Large                       int
		Dates, Traffics                     string
		Profiles, Prices, SLO, VCPUs, Boots string
		Policies, Goals, Money, Worst       string
		BySLO, ByLoad, ByBoot, ByModel      string
		Ablations, Sensitivity              string
		Met, Unvaried                       int
		SettleTime                          time.Duration
	}{
		Grid: g, SettleTime: time.Duration(g.Length.Settle), Unvaried: len(ablated), Planned: len(g.MainCells()), CorePlanned: len(g.CoreCells()), Ran: len(main), CoreRan: len(core),
		Dates: span(lines, func(l Line) string { return l.Ran }), Traffics: span(lines, func(l Line) string { return l.Traffic }),
		Profiles: strings.Join(g.Main.Profiles, ", "), Prices: strings.Join(g.Main.Prices, ", "), SLO: list(g.Main.SLO), VCPUs: list(g.Main.VCPUs), Boots: boots(g.Main),
		Policies: policyTable(main, compare.Policies()), Goals: goalTable(main), Money: moneyTable(main), Worst: worstTable(main, 10),
		BySLO:     axisTable(main, "SLO, in full passes", func(r *result) (string, float64) { return fmt.Sprintf("%g", r.SLO), r.SLO }),
		ByLoad:    axisTable(main, "vCPUs of work", func(r *result) (string, float64) { return fmt.Sprintf("%g", r.VCPUs), r.VCPUs }),
		ByBoot:    axisTable(main, "boot", func(r *result) (string, float64) { return r.Boot.String(), r.Boot.Seconds() }),
		ByModel:   axisTable(main, "model and prices", func(r *result) (string, float64) { return r.Profile + ", " + r.Prices, 0 }),
		Ablations: ablationTable(ablated), Sensitivity: variantTable(g, core),
	}
	for _, r := range main {
		if r.by[Default].Met {
			data.Met++
		}
	}
	for _, l := range lines {
		switch {
		case l.Policy != "" || l.Variant != "":
		case strings.HasPrefix(l.Why, ErrLarge.Error()):
			data.Large++
		default:
			data.NoPlan++
		}
	}
	return text.Execute(out, data)
}

// span is the different values of a field, sorted.
func span(lines Lines, of func(Line) string) string {
	var all []string
	for _, l := range lines {
		if x := of(l); x != "" {
			all = append(all, x)
		}
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), ", ")
}

func list(numbers []float64) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(numbers), " ", ", "), "[]")
}

func boots(a Axes) string {
	var all []string
	for _, b := range a.Boot {
		text, _ := b.MarshalText()
		all = append(all, string(text))
	}
	return strings.Join(all, ", ")
}
