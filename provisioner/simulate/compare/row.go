package compare

import (
	"github.com/serflow/serflow-go/provisioner/simulate"
	"github.com/serflow/serflow-go/provisioner/simulate/oracle"
)

// fill sums the results of all seeds up.
func (r *Row) fill(results []simulate.Result, bounds []oracle.Bound) {
	r.Results = results
	of := func(f func(simulate.Result) float64) Figure { return over(results, f) }
	hourly := func(f func(simulate.Result) float64) Figure {
		return of(func(x simulate.Result) float64 { return f(x) / (x.Seconds / 3600) })
	}
	r.VMs = hourly(func(x simulate.Result) float64 { return x.Dollars.VMs })
	r.Functions = hourly(func(x simulate.Result) float64 { return x.Dollars.Functions })
	r.Transfer = hourly(func(x simulate.Result) float64 { return x.Dollars.Transfer })
	r.Total = hourly(func(x simulate.Result) float64 { return x.Dollars.Total })
	var times []float64
	for i, x := range results {
		times = append(times, x.Dollars.Total/bounds[i].Total)
		if x.SLO.Met {
			r.Met++
		}
	}
	r.OverBound = figure(times)
	r.Within = of(func(x simulate.Result) float64 { return x.SLO.Within })
	r.Good = of(func(x simulate.Result) float64 { return float64(x.SLO.Good) / float64(max(x.SLO.Windows, 1)) })
	r.Latency = latency(results, func(x simulate.Result) simulate.Latency { return x.Latency })
	r.FunctionShare = of(func(x simulate.Result) float64 { return x.FunctionShare })
	r.Shed = hourly(func(x simulate.Result) float64 { return float64(x.Failed.Shed) })
	r.Late = hourly(func(x simulate.Result) float64 { return float64(x.Failed.Deadline + x.Failed.Tries) })
	scaled := func(f func(*simulate.Scaling) int) Figure {
		return hourly(func(x simulate.Result) float64 {
			if x.Scaling == nil {
				return 0
			}
			return float64(f(x.Scaling))
		})
	}
	r.Changes = scaled(func(s *simulate.Scaling) int { return s.Changes })
	r.Up = scaled(func(s *simulate.Scaling) int { return s.Up })
	r.Down = scaled(func(s *simulate.Scaling) int { return s.Down })
	r.Exits = shares(results)
	r.VMHours = hourly(func(x simulate.Result) (hours float64) {
		for _, g := range x.VMs {
			hours += g.VMSeconds / 3600
		}
		return hours
	})
	r.Utilisation = of(busy)
	r.groups(results, hourly)
}

// busy is the utilisation of all VMs, each by the time that it was there.
func busy(x simulate.Result) float64 {
	used, there := 0.0, 0.0
	for _, g := range x.VMs {
		used, there = used+g.Utilisation*g.VMSeconds, there+g.VMSeconds
	}
	if there == 0 {
		return 0
	}
	return used / there
}

// shares is where requests leave.
func shares(results []simulate.Result) []float64 {
	exits := make([]float64, len(results[0].Exits))
	for _, x := range results {
		for s, n := range x.Exits {
			exits[s] += float64(n) / float64(max(x.Answered, 1)) / float64(len(results))
		}
	}
	return exits
}

func (r *Row) groups(results []simulate.Result, hourly func(func(simulate.Result) float64) Figure) {
	for i, g := range results[0].VMs {
		of := func(f func(simulate.VMResult) float64) Figure {
			return hourly(func(x simulate.Result) float64 { return f(x.VMs[i]) })
		}
		r.Groups = append(r.Groups, Group{
			Kind: "VMs", Stages: g.Stages, Offer: g.Offer,
			Dollars:     of(func(g simulate.VMResult) float64 { return g.Dollars }),
			VMHours:     of(func(g simulate.VMResult) float64 { return g.VMSeconds / 3600 }),
			Utilisation: over(results, func(x simulate.Result) float64 { return x.VMs[i].Utilisation }),
			Requests:    of(func(g simulate.VMResult) float64 { return float64(g.Requests) }),
			Latency:     latency(results, func(x simulate.Result) simulate.Latency { return x.VMs[i].Latency }),
		})
	}
	for i, g := range results[0].Functions {
		of := func(f func(simulate.FunctionResult) float64) Figure {
			return hourly(func(x simulate.Result) float64 { return f(x.Functions[i]) })
		}
		r.Groups = append(r.Groups, Group{
			Kind: "function", Stages: g.Stages, Offer: g.Offer,
			Dollars:  of(func(g simulate.FunctionResult) float64 { return g.Dollars }),
			Requests: of(func(g simulate.FunctionResult) float64 { return float64(g.Calls) }),
			Cold:     of(func(g simulate.FunctionResult) float64 { return float64(g.Cold) }),
			Latency:  latency(results, func(x simulate.Result) simulate.Latency { return x.Functions[i].Latency }),
		})
	}
}

func latency(results []simulate.Result, of func(simulate.Result) simulate.Latency) Latency {
	q := func(f func(simulate.Latency) float64) Figure {
		return over(results, func(x simulate.Result) float64 { return f(of(x)) })
	}
	return Latency{
		P50:  q(func(l simulate.Latency) float64 { return l.P50 }),
		P90:  q(func(l simulate.Latency) float64 { return l.P90 }),
		P99:  q(func(l simulate.Latency) float64 { return l.P99 }),
		P999: q(func(l simulate.Latency) float64 { return l.P999 }),
	}
}
