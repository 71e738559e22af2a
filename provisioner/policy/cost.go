package policy

import (
	"sort"

	"github.com/serflow/serflow-go/provisioner/estimate"
)

// cost is what a group costs in dollars per second, by the VMs that it has.
type cost struct {
	group       Group
	rates       estimate.Rates
	carried     Carried
	change      float64 // dollars per second for each VM more or less than there are
	least, most int
}

// mostSearched is more VMs than any group has. It only bounds the search.
const mostSearched = 1 << 24

func newCost(g Group, rates estimate.Rates, switching float64) cost {
	least, most := g.limits()
	return cost{g, rates, g.carried(), switching * g.PerSecond, int(min(least, mostSearched)), int(min(most, mostSearched))}
}

// lost is the requests per second that n VMs do not carry, and all there are.
func (c *cost) lost(n int) (lost, all float64) {
	for _, rate := range c.rates {
		all += rate / float64(len(c.rates))
		if share := c.carried.Share(n, rate); share > 0 { // NaN carries nothing
			rate *= 1 - min(share, 1)
		}
		lost += rate / float64(len(c.rates))
	}
	return lost, all
}

// overflow is what functions cost beside n VMs.
func (c *cost) overflow(n int) float64 {
	lost, _ := c.lost(n)
	return c.group.PerRequest * lost
}

// saves is what the n-th VM saves before its price.
func (c *cost) saves(n int) float64 {
	if n < 1 {
		return 0
	}
	return max(c.overflow(n-1)-c.overflow(n), 0)
}

// rent is what n VMs cost, with the change from those there are.
func (c *cost) rent(n int) float64 {
	change := n - c.group.have()
	return float64(n)*c.group.PerSecond + float64(max(change, -change))*c.change
}

// cheapest is the number of VMs of least cost. It does not rest on how carried is shaped, up
// to some hundreds of VMs; for more it looks closely only where it is cheap from afar.
func (c *cost) cheapest() int {
	const close = 512
	low, high := c.least, c.most
	if c.group.PerSecond > 0 { // so many VMs cost more than none
		enough := (c.rent(low) + c.overflow(low)) / c.group.PerSecond
		high = max(low, int(min(float64(high), enough+1)))
	}
	for high-low > close {
		step := (high-low)/close + 1
		best := c.scan(low, high, step)
		low, high = max(low, best-step), min(high, best+step)
	}
	return c.scan(low, high, 1)
}

func (c *cost) scan(low, high, step int) int {
	best, least := low, c.rent(low)+c.overflow(low)
	// Rent only rises with n, so once it alone is dearer the rest is too.
	for n := low + step; n <= high && c.rent(n) < least; n += step {
		if cost := c.rent(n) + c.overflow(n); cost < least {
			best, least = n, cost
		}
	}
	return best
}

// enough is the fewest VMs that lose no more than a share of the requests, or those there are
// if they lose no less than half of that.
func (c *cost) enough(share float64) int {
	return min(max(c.group.have(), c.fewest(1-share)), c.fewest((1-share)/2))
}

// fewest takes it that more VMs lose no more. What is lost however many there are, such as requests
// that no VM is quick enough for, or that come while a spot VM is replaced, is no reason for another VM: half of the loss beyond that will do.
func (c *cost) fewest(loss float64) int {
	always, all := c.lost(c.most)
	loss = max(loss*all, always+loss*all/2)
	return c.least + sort.Search(c.most-c.least, func(i int) bool {
		lost, _ := c.lost(c.least + i)
		return lost <= loss
	})
}
