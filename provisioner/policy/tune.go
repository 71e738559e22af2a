package policy

import "time"

// Grid is the settings of Libra that LibraTuned tries, in every combination. An empty list
// has its default.
type Grid struct {
	Periods []time.Duration // default 1, 2, 5 and 10 min
	Rations []float64       // of the share, for VMs; default 0.6, 0.7, 0.8, 0.9 and 1
	Gains   []float64       // default 0.01, 0.03, 0.1, 0.2 and 0.4
	Weights []float64       // of the deviation, above 0; default 0.25, 0.5, 1, 2 and 3
}

func (g Grid) withDefaults() Grid {
	if len(g.Periods) == 0 {
		g.Periods = []time.Duration{time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute}
	}
	or := func(list *[]float64, byDefault ...float64) {
		if len(*list) == 0 {
			*list = byDefault
		}
	}
	or(&g.Rations, 0.6, 0.7, 0.8, 0.9, 1)
	or(&g.Gains, 0.01, 0.03, 0.1, 0.2, 0.4)
	or(&g.Weights, 0.25, 0.5, 1, 2, 3)
	return g
}

// LibraTuned is a baseline that has every advantage: Libra with the period, the share that VMs
// get, the gain and the weight of the deviation that cost least on training days. Cost is the
// dollars that a policy costs on them, by Replay or by the engine; it is asked once for Libra as
// its authors left it, so that tuning never costs more on these days, and once for each
// combination of the grid.
//
// Libra itself is due to its authors; that it is tuned is our doing.
func LibraTuned(reading Capacity, grid Grid, cost func(p Policy) float64) *Libra {
	grid = grid.withDefaults()
	best := Libra{Capacity: reading}
	least := cost(&Libra{Capacity: reading})
	for _, period := range grid.Periods {
		for _, ration := range grid.Rations {
			for _, gain := range grid.Gains {
				for _, weight := range grid.Weights {
					l := Libra{Capacity: reading, Period: period, Ration: ration, Gain: gain, Weight: weight}
					trial := l
					if dollars := cost(&trial); dollars < least {
						best, least = l, dollars
					}
				}
			}
		}
	}
	best.Label = "LibraTuned"
	return &best
}
