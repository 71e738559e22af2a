package oracle

import "math"

// level is when to have the n-th VM.
type level struct {
	rent  float64   // of a step
	saves []float64 // in each step in which it serves
	boot  int       // steps
	least int       // steps that it is billed for
	there bool      // it is there at the start, and has booted
}

// solve adds a VM to each step in which it is best to have it, and tells what it costs over what it
// saves, and whether it is ever there.
//
// Off and on are the least cost up to the beginning of a step, without the VM, and with it when it has
// stayed so long that it may end. A launch leads to that at once: to end a VM before it has served, or
// before it has been paid for, is never better.
func (l level) solve(wants []int) (cost float64, any bool) {
	steps, stay := len(l.saves), max(l.boot+1, l.least)
	sum := make([]float64, steps+1)
	for k, x := range l.saves {
		sum[k+1] = sum[k] + x
	}
	off, on := make([]float64, steps+1), make([]float64, steps+1)
	launched := make([]bool, steps+1) // on is by a launch, stay steps before
	on[0] = math.Inf(1)
	if l.there {
		on[0] = 0
	}
	for k := 1; k <= steps; k++ {
		off[k] = min(off[k-1], on[k-1])
		on[k] = on[k-1] + l.rent - l.saves[k-1]
		if j := k - stay; j >= 0 {
			if x := min(off[j], on[j]) + float64(stay)*l.rent - (sum[k] - sum[j+l.boot]); x < on[k] {
				on[k], launched[k] = x, true
			}
		}
	}
	cost, at, with := l.last(off, on, sum, stay)
	return cost, l.trace(wants, off, on, launched, at, with, stay)
}

// last is the least cost at the end, and where that comes from: with the VM or without it at a
// step, after which it is launched for what is left.
func (l level) last(off, on, sum []float64, stay int) (cost float64, at int, with bool) {
	steps := len(l.saves)
	cost, at, with = off[steps], steps, false
	if on[steps] < cost {
		cost, with = on[steps], true
	}
	for j := max(steps-stay+1, 0); j+l.boot < steps; j++ {
		if x := off[j] + float64(max(steps-j, l.least))*l.rent - (sum[steps] - sum[j+l.boot]); x < cost {
			cost, at, with = x, j, false
		}
	}
	return cost, at, with
}

// trace adds the VM to the steps in which the least cost has it.
func (l level) trace(wants []int, off, on []float64, launched []bool, at int, with bool, stay int) (any bool) {
	add := func(from, to int) {
		any = any || from < to
		for k := from; k < to; k++ {
			wants[k]++
		}
	}
	add(at, len(l.saves))
	for at > 0 {
		switch {
		case with && launched[at]:
			add(at-stay, at)
			at -= stay
			with = on[at] < off[at]
		case with:
			add(at-1, at)
			at--
		default:
			at--
			with = on[at] < off[at]
		}
	}
	return any
}
