package oracle

import (
	"time"

	"github.com/serflow/serflow-go/provisioner/planner"
)

// Bound is dollars that nobody can stay below.
type Bound struct {
	// Total is for all requests answered within the SLO, and VMs, Functions and Transfer are how the
	// relaxed problem divides it: whoever cannot do better in all may do so in one of them.
	Total, VMs, Functions, Transfer float64
	// Met is for as few requests answered as the SLO allows: 99 % of those of 99.5 % of the minutes.
	Met    float64
	Window time.Duration // that Total comes from
}

// LowerBound is less than what any policy, any plan and any fixed fleet pays for the requests of a
// draw, with the offers, their times and the network of an Ask: what else is in the Ask does not count.
// Boot is to be the least that a VM takes, not the mean; running says that VMs which are there at the
// start have booted at somebody else's expense. The error wraps ErrDraw.
//
// The argument. Whatever serves the requests is a feasible point of the following problem or of a
// harder one, and what it pays is no less than the problem's cost there.
//
//   - A visit of a stage takes, on a VM, the time of a batch divided by its rows and by the slots. At the
//     VM's price that is vm_s dollars or more: the least over all offers and batch sizes. A batch has no more rows
//     than come within the SLO, for its first row waits for its last; and if it takes longer than the SLO, it has answered
//     none. So r dollars a second of ready VMs, of whatever kind, do at most r worth of visits a second: they are one pool.
//     All times are means: a single run may be luckier than that by what chance allows.
//   - On a function a visit costs function_s or more, the least over all offers, without rounding, cold
//     starts and overhead; a request that functions see pays one fee or more. Each request is paid for
//     its way in and out once, by the cheaper path.
//   - Time is cut into windows of length W. A request that is answered within the SLO and comes earlier
//     than that before the end of its window is served within the window. Others are left out.
//     In a window VMs do at most R*W worth of visits, with R the mean of r over it. Functions cost
//     the least if VMs take over the visits that are dearest on functions for what they
//     take of VMs: phi(R*W), convex and falling, and linear between the ways to split a request.
//   - A VM is billed from its launch, and so for a boot before it is ready. What one VM adds to R rises, stays
//     and falls from window to window, by its price at most. So boots cost at least boot times the sum
//     of all rises of R. Minimum charges, whole seconds and whole VMs are not asked for.
//   - The sum of W*R, boot times the rises of R, and phi is least, over all R >= 0, level by level:
//     of each dollar a second of R it is decided by itself when it is rented, for savings that fall from
//     level to level, since the sum of rises is that of the levels (the coarea formula). A level
//     is on or off in each window, and that is a dynamic programme of two states. A grid of levels
//     takes the savings of each at its lower end, where they are the greatest. Where no function serves, a level is
//     on in the windows whose visits need it, those that need all of it.
//
// Each W gives a bound, and the greatest counts. For Met, of each window the deepest 1 % of the requests
// that may end in it are left out: no others cost as much. And as many windows as there may be bad
// minutes are left out whole: the bound with them is at most that without them and what each
// costs by itself, VMs and their boots for it alone included, so the dearest of these are taken off.
func LowerBound(a planner.Ask, d *Draw, running bool) (Bound, error) {
	p, err := newPrices(a, d)
	if err != nil {
		return Bound{}, err
	}
	var best Bound
	transfer := p.transfer * float64(d.requests)
	for _, steps := range d.windows() {
		all := newRelaxed(p, d, steps, 0)
		if dollars, vms := all.least(running); best.Window == 0 || dollars+transfer > best.Total {
			functions := max(dollars-vms, 0) // the grid of levels takes a little too much off
			best = Bound{dollars + transfer, dollars - functions, functions, transfer, best.Met, time.Duration(steps) * Step}
		}
		if steps%minute == 0 {
			met := newRelaxed(p, d, steps, 0.01)
			dollars, _ := met.least(running)
			for _, requests := range met.windows {
				dollars += met.moved(requests)
			}
			best.Met = max(best.Met, dollars-met.bad())
		}
	}
	best.Met = max(min(best.Met, best.Total), 0)
	return best, nil
}

// minute is so many steps.
const minute = int(time.Minute / Step)

// mostWindows keeps the time of a bound to some seconds.
const mostWindows = 21_000 // two weeks of minutes

// windows are the lengths to try, in steps: from twice the SLO on, and one at least is in minutes.
func (d *Draw) windows() (lengths []int) {
	for _, steps := range []int{1, 3, minute, 5 * minute, 30 * minute, 120 * minute} {
		if time.Duration(steps)*Step >= 2*d.slo && (d.steps()/steps <= mostWindows || steps > minute) {
			lengths = append(lengths, steps)
		}
	}
	if len(lengths) == 0 || lengths[len(lengths)-1] < minute {
		lengths = append(lengths, max(int(2*d.slo/Step)/minute+1, 1)*minute)
	}
	return lengths
}
