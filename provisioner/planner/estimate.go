package planner

import "math"

// estimate is the share of requests that servers carry if those which would wait longer
// than they have the patience for leave at once: M/M/c with constant patience (Barrer,
// Operations Research 5(5), 1957), of which no patience is Erlang's loss formula. For other
// work than exponential the patience is scaled as waits are in the usual two-moment
// approximation, by 2/(1+scv). It decides only what is worth simulating.
func estimate(servers int, load, patience, scv float64) float64 {
	// In units of the mean work: load is the arrival rate in servers, patience a time.
	c := float64(servers)
	patience *= 2 / (1 + scv)
	below := 1.0 // probabilities of fewer than all servers busy, over that of all but one
	for k := 1.0; k < c; k++ {
		below = 1 + below*k/load
		if below > 1e12 {
			return 1
		}
	}
	spare := c - load
	if spare*patience < -500 { // far above what they can do
		return c / load
	}
	reneging := math.Exp(-spare * patience)
	waiting := patience
	if math.Abs(spare*patience) > 1e-9 {
		waiting = (1 - reneging) / spare
	}
	lost := load * reneging / c
	return 1 - lost/(below+load*waiting+lost)
}
