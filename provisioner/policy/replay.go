package policy

import (
	"slices"
	"time"

	"github.com/serflow/serflow-go/provisioner/estimate"
)

// ReplayTick is how often Replay asks a policy.
const ReplayTick = 10 * time.Second

// Replayed is what a policy came to in Replay.
type Replayed struct {
	VMDollars       float64
	FunctionDollars float64
	Actions         int // VMs launched and VMs given up
}

// Dollars is the sum.
func (r Replayed) Dollars() float64 { return r.VMDollars + r.FunctionDollars }

// Replay holds a policy against one-second counts of one group, in a rough model that takes
// microseconds where the engine takes seconds: a ready VM serves up to Saturation requests of
// each second, functions the rest; a VM is paid from its launch and serves after Boot; the
// youngest is given up first, and at once. Counts that are not known cost nothing. The policy should be a
// new one, since it remembers. Ready, Booting, Counts and Reach of the group are filled in.
func Replay(p Policy, g Group, counts []int) (r Replayed) {
	const tick = int(ReplayTick / time.Second)
	boot := int(g.Boot / time.Second)
	var ready []int // second from which each VM serves; the youngest is last
	var order Order
	for s, x := range counts {
		serving := 0
		for serving < len(ready) && ready[serving] <= s {
			serving++
		}
		if s%tick == 0 {
			g.Ready, g.Booting, g.Reach = serving, len(ready)-serving, 1
			from := max(s-tick, 0)
			g.Counts = estimate.Counts{First: int64(from), Each: counts[from:s]}
			o := Observation{Arrivals: g.Counts, Groups: []Group{g}}
			d, _ := Check(p.Name(), o, p.Decide(time.Duration(s)*time.Second, o)) // what it refuses is held
			order = d.Groups[0]
			n := int(order.VMs)
			r.Actions += max(n-len(ready), len(ready)-n)
			ready = slices.Grow(ready[:min(n, len(ready))], n)
			for len(ready) < n {
				ready = append(ready, s+boot)
			}
			serving = min(serving, n)
		}
		toVMs := float64(max(x, 0))
		if order.Rationed {
			toVMs = min(toVMs, order.Ration)
		}
		onVMs := min(toVMs, float64(serving)*g.Saturation)
		r.VMDollars += float64(len(ready)) * g.PerSecond
		r.FunctionDollars += (float64(max(x, 0)) - onVMs) * g.PerRequest
	}
	return r
}
