// Package evaluate runs the evaluation: a grid of models, objectives, loads, boots and prices that was written down before
// anything was tuned, each cell under every policy, and the text that says what came of it.
//
//	grid.json -> Cells -> Run (package compare) -> Lines, as CSV -> Text, which is EVALUATION.md
package evaluate

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/provisioner/simulate/compare"
)

//go:embed grid.json
var gridText []byte

// Grid is what is evaluated, as grid.json has it.
type Grid struct {
	Written   string  `json:"written"` // when
	Traffic   string  `json:"traffic"` // which
	Order     string  `json:"order"`   // in which cells run
	Seed      uint64  `json:"seed"`
	Seeds     int     `json:"seeds"`     // with which a cell begins
	Precision float64 `json:"precision"` // of each policy's dollars, for which up to four times as many run
	Length    Length  `json:"length"`

	Main  Axes `json:"main"`
	Core  Axes `json:"core"`
	Small Axes `json:"small"`

	Variants        []Variant `json:"variants"`
	VariantPolicies []string  `json:"variantPolicies"` // in cells of a variant
	SmallPolicies   []string  `json:"smallPolicies"`   // in those of the small grid
}

// Length says how long a cell's traffic is: that of so many requests, but at least and at most so long. A cell
// whose least length has more requests than the largest number is not run unless it is asked for.
type Length struct {
	Settle   profile.Duration `json:"settle"` // that goes before, and is not counted
	Requests float64          `json:"requests"`
	Least    profile.Duration `json:"least"`
	Most     profile.Duration `json:"most"`
	Largest  float64          `json:"largest"`
}

// Axes are all combinations of these.
type Axes struct {
	Profiles []string           `json:"profiles"`
	Prices   []string           `json:"prices"`
	SLO      []float64          `json:"slo"`   // in full passes
	VCPUs    []float64          `json:"vcpus"` // of offered work
	Boot     []profile.Duration `json:"boot"`  // the mean; boots are spread about it as the profile's are
}

// Variant is something that is otherwise than in the main grid, in the cells of the core.
type Variant struct {
	Name          string  `json:"name"`
	Ablations     bool    `json:"ablations,omitempty"`     // compare's are compared too
	Drift         float64 `json:"drift,omitempty"`         // how far reach goes towards full depth, and back, in a period of half an hour
	FunctionPrice float64 `json:"functionPrice,omitempty"` // times what functions cost; 0 means 1
	OnDemand      bool    `json:"onDemand,omitempty"`      // there are no spot VMs
	Way           float64 `json:"way,omitempty"`           // times what the network takes; 0 means 1
	Transfer      float64 `json:"transfer,omitempty"`      // dollars a GB to each place and back
}

// TheGrid is the one of grid.json.
func TheGrid() (*Grid, error) {
	d := json.NewDecoder(bytes.NewReader(gridText))
	d.DisallowUnknownFields()
	g := new(Grid)
	if err := d.Decode(g); err != nil {
		return nil, fmt.Errorf("evaluate: grid.json: %w", err)
	}
	return g, nil
}

// Cell is one of a grid: a workload that all policies are to serve.
type Cell struct {
	Profile, Prices string
	SLO, VCPUs      float64
	Boot            time.Duration
	Variant         Variant
	Policies        []string
}

// Name tells a cell from all others.
func (c Cell) Name() string {
	name := fmt.Sprintf("%s, %s, SLO of %g passes, %g vCPUs, boot of %v", c.Profile, c.Prices, c.SLO, c.VCPUs, c.Boot)
	if c.Variant.Name != "" {
		name += ", " + c.Variant.Name
	}
	return name
}

// MainCells are those of the main grid, in the order in which they run.
func (g *Grid) MainCells() []Cell {
	return shuffled(g.Main.cells(Variant{}, compare.Policies()))
}

// Cells are all of them, in the order in which they run: the core as it is, and then one of the core under a variant and one of the main
// grid in turn, so that a run that is broken off has some of both.
func (g *Grid) Cells() (all []Cell) {
	main := g.MainCells()
	for _, c := range g.CoreCells() {
		if !c.Variant.Ablations && len(main) > 0 {
			all, main = append(all, main[0]), main[1:]
		}
		all = append(all, c)
	}
	return append(all, main...)
}

// CoreCells are those of the core, as it is and then under each variant, in the order in which they run.
func (g *Grid) CoreCells() (all []Cell) {
	var varied []Cell
	for _, v := range g.Variants {
		if v.Ablations {
			all = append(all, g.Core.cells(v, append(slices.Clone(g.VariantPolicies), compare.Ablations()...))...)
		} else {
			varied = append(varied, g.Core.cells(v, g.VariantPolicies)...)
		}
	}
	return append(shuffled(all), shuffled(varied)...)
}

// SmallCells take seconds.
func (g *Grid) SmallCells() []Cell { return g.Small.cells(Variant{}, g.SmallPolicies) }

func (a Axes) cells(v Variant, policies []string) (all []Cell) {
	for _, model := range a.Profiles {
		for _, prices := range a.Prices {
			for _, slo := range a.SLO {
				for _, vcpus := range a.VCPUs {
					for _, boot := range a.Boot {
						all = append(all, Cell{model, prices, slo, vcpus, time.Duration(boot), v, policies})
					}
				}
			}
		}
	}
	return all
}

// shuffled orders cells by the digests of their names.
func shuffled(cells []Cell) []Cell {
	digest := func(c Cell) []byte {
		sum := sha256.Sum256([]byte(c.Name()))
		return sum[:]
	}
	slices.SortFunc(cells, func(a, b Cell) int {
		return cmp.Or(bytes.Compare(digest(a), digest(b)), cmp.Compare(a.Name(), b.Name()))
	})
	return cells
}
