package policy

import "math"

// Carried is what VMs carry: the share of a group's requests that so many VMs finish in time,
// at a rate in requests per second, when late ones leave for a function. It is from 0 to 1, 0
// without VMs, falls with the rate and rises with the VMs.
type Carried interface {
	Share(vms int, rate float64) float64
}

// Fluid carries all up to Rate requests per second and VM, and no more than that. It is the
// bound of a fleet that never waits for a request, and too good for a small one.
type Fluid struct{ Rate float64 }

// Share is min(1, vms*rate of a VM / rate).
func (f Fluid) Share(vms int, rate float64) float64 {
	if can := float64(vms) * f.Rate; can < rate {
		return can / rate
	}
	return 1
}

// Erlang carries a request if one of the slots of all VMs is free when it comes: late is what
// would wait at all. That is Erlang's loss formula B(c, a) for Poisson arrivals at c slots and
// an offered load of a, which holds for any distribution of service times (Erlang 1917;
// Sevastyanov 1957), by the recursion 1/B(k) = 1 + k/a/B(k-1).
type Erlang struct {
	Slots int     // of a VM
	Rate  float64 // requests per second of one slot that is busy
}

// Share is 1 - B.
func (e Erlang) Share(vms int, rate float64) float64 {
	slots, load := vms*e.Slots, rate/e.Rate
	if slots <= 0 {
		return 0
	}
	if !(load > 0) {
		return 1
	}
	inverse := 1.0
	for k := 1; k <= slots && !math.IsInf(inverse, 0); k++ {
		inverse = 1 + inverse*float64(k)/load
	}
	return 1 - 1/inverse
}
