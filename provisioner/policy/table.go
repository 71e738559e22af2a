package policy

import (
	"errors"
	"fmt"
	"slices"
	"sort"
)

// ErrTable marks a table that cannot be right.
var ErrTable = errors.New("bad table of what VMs carry")

// Table is what VMs carry as measured at some numbers of VMs and some loads. Between these it
// is interpolated, between numbers of VMs at equal load on each. Beyond the highest load VMs
// go on carrying what they do there; more VMs than the most measured carry as much each.
type Table struct {
	vms    []int
	loads  []float64
	shares [][]float64
}

// NewTable returns the table of shares[i][j], which vms[i] VMs finish in time at a rate of
// loads[j] requests per second on each of them. The numbers of VMs, from 1, and the loads, above
// 0, rise; a share falls with the load. The error wraps ErrTable.
func NewTable(vms []int, loads []float64, shares [][]float64) (*Table, error) {
	if len(vms) == 0 || len(loads) == 0 || len(shares) != len(vms) {
		return nil, fmt.Errorf("%w: %d rows for %d numbers of VMs and %d loads: give a row for each, and at least one of both", ErrTable, len(shares), len(vms), len(loads))
	}
	for i, n := range vms {
		if n < 1 || i > 0 && n <= vms[i-1] {
			return nil, fmt.Errorf("%w: numbers of VMs %v: they rise from 1", ErrTable, vms)
		}
	}
	for j, x := range loads {
		if !(x > 0) || j > 0 && !(x > loads[j-1]) || x > 1e18 {
			return nil, fmt.Errorf("%w: loads %v: they rise from above 0", ErrTable, loads)
		}
	}
	t := &Table{vms: slices.Clone(vms), loads: slices.Clone(loads)}
	for i, row := range shares {
		if len(row) != len(loads) {
			return nil, fmt.Errorf("%w: %d shares at %d loads", ErrTable, len(row), len(loads))
		}
		for j, s := range row {
			if !(s >= 0 && s <= 1) || j > 0 && s > row[j-1] {
				return nil, fmt.Errorf("%w: %d VMs carry shares %v: they fall from at most 1 to at least 0", ErrTable, vms[i], row)
			}
		}
		t.shares = append(t.shares, slices.Clone(row))
	}
	return t, nil
}

// Tabulate is the table of what another Carried says. The error wraps ErrTable.
func Tabulate(c Carried, vms []int, loads []float64) (*Table, error) {
	shares := make([][]float64, len(vms))
	for i, n := range vms {
		for _, load := range loads {
			shares[i] = append(shares[i], c.Share(n, load*float64(n)))
		}
	}
	return NewTable(vms, loads, shares)
}

// Share is what so many VMs finish in time of a rate.
func (t *Table) Share(vms int, rate float64) float64 {
	if vms <= 0 {
		return 0
	}
	load := rate / float64(vms)
	i := sort.SearchInts(t.vms, vms)
	switch {
	case i == len(t.vms):
		return t.at(i-1, load)
	case i == 0 || t.vms[i] == vms:
		return t.at(i, load)
	}
	x := float64(vms-t.vms[i-1]) / float64(t.vms[i]-t.vms[i-1])
	return (1-x)*t.at(i-1, load) + x*t.at(i, load)
}

// at is the share of a row at a load.
func (t *Table) at(row int, load float64) float64 {
	shares, last := t.shares[row], len(t.loads)-1
	j := sort.SearchFloat64s(t.loads, load)
	switch {
	case j == 0:
		return shares[0]
	case j > last:
		return shares[last] * t.loads[last] / load
	}
	x := (load - t.loads[j-1]) / (t.loads[j] - t.loads[j-1])
	return (1-x)*shares[j-1] + x*shares[j]
}
