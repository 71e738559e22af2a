package simulate_test

import (
	"math"
	"testing"
)

// Formulas of queueing theory. Time is in mean services, load is the share of slots
// that is busy, and requests wait in the order in which they come.

// erlangC is the probability of waiting in M/M/c (Erlang 1917; the recursion of Erlang
// B in, for example, Cooper, Introduction to Queueing Theory, 1981).
func erlangC(slots int, load float64) float64 {
	offered, lost := float64(slots)*load, 1.0
	for n := 1; n <= slots; n++ {
		lost = offered * lost / (float64(n) + offered*lost)
	}
	return lost / (1 - load*(1-lost))
}

// erlangWait is the mean wait in M/M/c.
func erlangWait(slots int, load float64) float64 {
	return erlangC(slots, load) / (float64(slots) * (1 - load))
}

// moments are E[S], E[S^2], E[S^3] and E[S^4] of a service time S with mean 1.
type moments [4]float64

var (
	exponential   = moments{1, 2, 6, 24}
	deterministic = moments{1, 1, 1, 1}
)

func logNormal(cv float64) moments {
	x := 1 + cv*cv
	return moments{1, x, math.Pow(x, 3), math.Pow(x, 6)}
}

// khinchineWait is the mean wait in M/G/1 (Pollaczek 1930, Khinchine 1932).
func khinchineWait(s moments, load float64) float64 { return load * s[1] / (2 * (1 - load)) }

// khinchineSpread is the asymptotic variance of the mean wait in M/G/1: that of the mean
// of n successive waits, times n, as n grows. It is needed to know how many requests
// make an interval narrow enough, and for nothing else.
//
// With V the work in the system and f(v) = v^2 / 2(1-load), the generator of V takes f to
// E[V]-v. So the sum of the waits, less their mean, is but for its ends a martingale that
// jumps at an arrival by V - E[V] + load (f(V+S) - f(V)); the variance is the mean square of
// the jump. See Asmussen, Applied Probability and Queues, 2003, I.7 for the
// method and Takacs 1962 for E[V^2]. For M/M/1 it is Daley's formula (1968).
func khinchineSpread(s moments, load float64) float64 {
	k, wait := load/(1-load), khinchineWait(s, load)
	square := 2*wait*wait + k*s[2]/3
	return square*(1+2*k+k*k*s[1]) + 2*wait*(k*s[1]/2-wait+k*(k*s[2]/2-wait)) +
		k*k*s[3]/4 - wait*k*s[1] + wait*wait
}

// erlangSpread is the asymptotic variance, as khinchineSpread, of a mean over the
// arrivals at M/M/c, to which each arrival at n requests adds arrival(n), and each
// unit of time with n requests adds rate(n).
//
// The method is the same. The solution of Poisson's equation for a birth and
// death process is a sum (Whitt, Asymptotic formulas for Markov processes with
// applications to simulation, Operations Research 40, 1992).
func erlangSpread(slots int, load, mean float64, rate, arrival func(n int) float64) float64 {
	offered, total, spread := float64(slots)*load, 0.0, 0.0
	sum := 0.0 // of the weighted departures from the mean, up to n
	for n, weight := 0, 1.0; n < slots || weight > 1e-12; n++ {
		sum += weight * (rate(n)/offered + arrival(n) - mean)
		step := -sum / weight // of the equation's solution, from n to n+1
		up := arrival(n) - mean + step
		spread += weight * (up*up + step*step)
		total += weight
		weight *= offered / math.Min(float64(n+1), float64(slots))
	}
	return spread / total
}

func erlangWaitSpread(slots int, load float64) float64 {
	queue := func(n int) float64 { return float64(max(n-slots, 0)) } // by Little's law
	return erlangSpread(slots, load, erlangWait(slots, load), queue, func(int) float64 { return 0 })
}

func erlangCSpread(slots int, load float64) float64 {
	waits := func(n int) float64 {
		if n >= slots {
			return 1
		}
		return 0
	}
	return erlangSpread(slots, load, erlangC(slots, load), func(int) float64 { return 0 }, waits)
}

// The formulas agree with each other and with others where these are simple.
func TestQueueingFormulas(t *testing.T) {
	same := func(what string, load, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-6*want {
			t.Errorf("%s at load %v is %v, want %v", what, load, got, want)
		}
	}
	for _, load := range []float64{0.1, 0.3, 0.5, 0.8, 0.95} {
		same("waiting in M/M/1", load, erlangC(1, load), load)
		same("waiting in M/M/2", load, erlangC(2, load), 2*load*load/(1+load))
		same("the wait in M/M/1", load, erlangWait(1, load), khinchineWait(exponential, load))
		same("the wait in M/D/1", load, 2*khinchineWait(deterministic, load), khinchineWait(exponential, load))
		same("a log-normal wait", load, khinchineWait(logNormal(1), load), khinchineWait(exponential, load))
		daley := load * (2 + 5*load - 4*load*load + math.Pow(load, 3)) / math.Pow(1-load, 4)
		same("the spread of the wait in M/M/1", load, khinchineSpread(exponential, load), daley)
		same("the same as a birth and death process", load, erlangWaitSpread(1, load), daley)
	}
}
