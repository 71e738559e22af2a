package control

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/serflow/serflow-go/provisioner"
)

// linger is how long before the end of what it is billed at least a VM that is too many is
// drained, so that it is idle by then.
const linger = 10 * time.Second

// few is what rounding may leave of a VM.
const few = 1e-6

// rent tells the fleet what is wanted of which offer.
func (l *Loop) rent(now time.Duration, f *provisioner.Fleet) (lines []Line) {
	var wants []provisioner.Want
	for i := range l.groups {
		g := &l.groups[i]
		all := g.spread(now, f)
		wants = append(wants, all...)
		l.say(&lines, "VMs for "+g.Offers[0].Stages.String(), g.short(now, f, all))
	}
	if err := f.Want(wants...); err != nil {
		l.say(&lines, "fleet", err.Error())
	}
	l.say(&lines, "day", l.broke(f))
	l.say(&lines, "rivals", rivals(f))
	return lines
}

// alive is the VMs of a group, in VMs of its first offer.
func (g *group) alive(now time.Duration, f *provisioner.Fleet) (sum float64) {
	for i := range g.Offers {
		sum += float64(f.Standing(now, g.wants(i, 0)).Alive()) * g.worth(i)
	}
	return sum
}

// serving is those of them that serve.
func (g *group) serving(now time.Duration, f *provisioner.Fleet) int {
	sum := 0.0
	for i := range g.Offers {
		sum += float64(f.Standing(now, g.wants(i, 0)).Ready) * g.worth(i)
	}
	return int(math.Round(sum))
}

// worth is what a VM of an offer carries, over what one of the first does.
func (g *group) worth(i int) float64 { return g.Offers[i].Saturation / g.Offers[0].Saturation }

func (g *group) wants(i, vms int) provisioner.Want {
	o := g.Offers[i]
	return provisioner.Want{Stages: o.Stages, Offer: o.Offer, VMs: vms, Linger: linger, Leaving: g.leaving}
}

// spread divides what is wanted among the offers. What there is stays; what is missing is of the
// first offer that can be had, and what is too much of those that cost the most.
func (g *group) spread(now time.Duration, f *provisioner.Fleet) (wants []provisioner.Want) {
	held := make([]bool, len(g.Offers))
	missing := float64(g.want)
	for i := range g.Offers {
		s := f.Standing(now, g.wants(i, 0))
		held[i] = s.Held
		wants = append(wants, g.wants(i, s.Alive()))
		missing -= float64(s.Alive()) * g.worth(i)
	}
	if missing > few {
		i := max(slices.Index(held, false), 0)
		wants[i].VMs += int(math.Ceil(missing/g.worth(i) - few))
	}
	for _, i := range g.dearest() {
		n := min(int(max(-missing, 0)/g.worth(i)+few), wants[i].VMs)
		wants[i].VMs -= n
		missing += float64(n) * g.worth(i)
	}
	return wants
}

// dearest is the offers by what they cost for what they carry, the dearest first, and of equals
// the one that comes later.
func (g *group) dearest() (order []int) {
	for i := range g.Offers {
		order = append([]int{i}, order...)
	}
	price := func(i int) float64 { return g.Offers[i].PerSecond / g.Offers[i].Saturation }
	slices.SortStableFunc(order, func(a, b int) int {
		switch x, y := price(a), price(b); {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	return order
}

// short says why there will be fewer VMs than are wanted, or others; "" if there will not be.
func (g *group) short(now time.Duration, f *provisioner.Fleet, wants []provisioner.Want) string {
	var failing, dying, full []string
	for _, w := range wants {
		s := f.Standing(now, w)
		name := fmt.Sprintf("%q", w.Offer.Name)
		if s.Stillborn > 1 {
			dying = append(dying, name)
		} else if s.Failing {
			failing = append(failing, name)
		}
		if w.VMs > s.Alive()+s.Room {
			full = append(full, fmt.Sprintf("%d VMs of %s", w.VMs, name))
		}
	}
	switch {
	case len(full) > 0:
		return fmt.Sprintf("the limits leave no room for all of %s that are wanted: %s", strings.Join(full, ", "), g.rest())
	case len(dying) > 0:
		return fmt.Sprintf("VMs of %s end before they are ready, again and again: they are launched less and less often, and %s", strings.Join(dying, ", "), g.others(len(dying)+len(failing)))
	case len(failing) == len(wants):
		return fmt.Sprintf("VMs of %s cannot be had as asked for: %s, and they are asked for again", strings.Join(failing, ", "), g.rest())
	case len(failing) > 0:
		return fmt.Sprintf("VMs of %s cannot be had as asked for: others take their place", strings.Join(failing, ", "))
	}
	return ""
}

// others says what takes the place of VMs of so many of the offers.
func (g *group) others(failing int) string {
	if failing < len(g.Offers) {
		return "others take their place"
	}
	return g.rest()
}

// rest says what becomes of what VMs do not carry.
func (g *group) rest() string {
	if g.Offers[0].PerRequest > 0 {
		return "functions take the rest"
	}
	return "what they cannot carry is shed, for no function serves these stages"
}

// broke says that the day's money is spent.
func (l *Loop) broke(f *provisioner.Fleet) string {
	if !f.Broke() {
		return ""
	}
	return fmt.Sprintf("the limit of $%g a day is reached: all VMs are drained; functions take over where there are any, and the rest is shed", l.config.Limits.PerDay)
}

func rivals(f *provisioner.Fleet) string {
	ids := f.Rivals()
	if len(ids) == 0 {
		return ""
	}
	return fmt.Sprintf("another program with the same owner name runs now and has launched %s: these are left alone; give each program an owner name of its own", strings.Join(ids, ", "))
}
