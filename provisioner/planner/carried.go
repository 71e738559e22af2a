package planner

import (
	"math/bits"
	"slices"

	"github.com/serflow/serflow-go/stage"
)

// Carried is the share of requests that VMs of a group finish in time, while late ones leave
// for a function. It is only read, so it is safe for concurrent use.
type Carried struct {
	Stages    stage.Range
	Saturated float64     // requests per second of one VM with all slots busy: mu_sat
	Ready     float64     // share of the time that a VM serves: below 1 for spot
	VMs       []int       // of the rows of Shares
	Loads     []float64   // of their columns: rate / (VMs * Saturated)
	Shares    [][]float64 // with more VMs no less, at a higher load no more
}

// Share is what n VMs carry of a rate in requests per second.
func (c *Carried) Share(n int, rate float64) float64 {
	switch {
	case n <= 0 || len(c.VMs) == 0:
		return 0
	case !(rate > 0):
		return c.Ready
	}
	load := rate / (float64(n) * c.Saturated)
	i := min(bits.Len(uint(n))-1, len(c.VMs)-1)
	low := c.along(i, load)
	if i < len(c.VMs)-1 {
		low += between(n, i) * (c.along(i+1, load) - low)
	}
	return c.Ready * low
}

func (c *Carried) along(i int, load float64) float64 {
	return interpolated(c.Loads, load, func(k int) float64 { return c.Shares[i][k] })
}

// all makes every entry of a fleet's table, and smooths what is left of chance.
func (f *fleet) all() *Carried {
	c := &Carried{Stages: f.in, Saturated: f.saturated, Ready: f.ready, Loads: slices.Clone(loads)}
	for i := range doublings {
		row := make([]float64, len(loads))
		for k := range loads {
			row[k] = f.known.at(i, k).carried()
			if i > 0 {
				row[k] = max(row[k], c.Shares[i-1][k])
			}
		}
		for k := len(loads) - 2; k >= 0; k-- {
			row[k] = max(row[k], row[k+1])
		}
		c.VMs, c.Shares = append(c.VMs, 1<<i), append(c.Shares, row)
	}
	return c
}
