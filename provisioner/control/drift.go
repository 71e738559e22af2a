package control

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/serflow/serflow-go/provisioner/estimate"
)

// Drift is traffic that a plan was not made for.
type Drift struct {
	Reach           []float64 // the fraction of all requests that gets as far as each stage, now
	Rate, Deviation float64   // of all requests per second, in about the last hour
	Why             string
}

// memories are those of reach, in seconds. The longest tells whether reach has changed, and the shortest
// that has seen enough requests to what.
var memories = [...]float64{20, 60, 180, 600}

const (
	rateMemory = time.Hour
	minute     = 60
	strays     = 3    // ticks in a row that reach must be out of its band
	fewest     = 1000 // requests that reach is known by
	some       = 300  // that tell what has become of it
	together   = 10   // exits come in runs: so many requests tell as much as one
	surely     = 4    // standard deviations that chance may explain
)

// usual is what traffic is like: of reach the sums of counts by stage, in several memories, and
// of the rate its mean and variance by the minute, which are forgotten in an hour.
type usual struct {
	sums     [len(memories)][]float64
	block    []float64 // counts of the first stage, under way
	mean     float64
	variance float64
	blocks   float64
	out      int // ticks in a row
}

func (u *usual) take(counts []estimate.Counts) {
	for s, c := range counts {
		for m := range u.sums {
			if s == len(u.sums[m]) {
				u.sums[m] = append(u.sums[m], 0)
			}
		}
		for _, n := range c.Each {
			if n < 0 {
				continue
			}
			for m, sums := range u.sums {
				sums[s] += float64(n) - sums[s]/memories[m]
			}
			if s == 0 {
				u.rate(float64(n))
			}
		}
	}
}

func (u *usual) rate(n float64) {
	if u.block = append(u.block, n); len(u.block) < minute {
		return
	}
	sum := 0.0
	for _, n := range u.block {
		sum += n / minute
	}
	u.block = u.block[:0]
	u.blocks = min(u.blocks+1, rateMemory.Minutes())
	off := sum - u.mean
	u.mean += off / u.blocks
	u.variance += (off*(sum-u.mean) - u.variance) / u.blocks
}

// reachOf is from 1 and never rising: rows that are under way have not been counted at the later
// stages yet.
func reachOf(sums []float64) (reach []float64) {
	last := 1.0
	for s, sum := range sums {
		if s > 0 && sums[0] > 0 {
			last = min(last, sum/sums[0])
		}
		reach = append(reach, last)
	}
	return reach
}

// longest is the memory that is compared with the plan.
func (u *usual) longest() []float64 { return u.sums[len(u.sums)-1] }

// recent is the shortest memory that has seen enough.
func (u *usual) recent() []float64 {
	for _, sums := range u.sums {
		if len(sums) > 0 && sums[0] >= some {
			return sums
		}
	}
	return u.longest()
}

// settle forgets what was before the traffic of now, for which there is a plan.
func (u *usual) settle() {
	now := slices.Clone(u.recent())
	for m := range u.sums {
		if len(u.sums[m]) > 0 && u.sums[m][0] > now[0] {
			copy(u.sums[m], now)
		}
	}
}

// left tells which stage has a reach that is out of the band about the planned one, and that
// chance does not explain; -1 if none has.
func (u *usual) left(planned []float64, band float64) (stage int, reach float64) {
	sums := u.longest()
	if len(planned) != len(sums) || len(planned) == 0 || sums[0] < fewest {
		return -1, 0
	}
	for s, now := range reachOf(sums) {
		p := planned[s]
		chance := surely * math.Sqrt(together*max(p*(1-p), 1/sums[0])/sums[0])
		if math.Abs(now-p) > band*p+chance {
			return s, now
		}
	}
	return -1, 0
}

// watch notes how long reach has been out of its band.
func (l *Loop) watch(s Seen) {
	l.usual.take(s.Counts)
	if stage, _ := l.usual.left(l.config.Reach, l.config.Band); stage >= 0 {
		l.usual.out++
	} else {
		l.usual.out = 0
	}
}

// Drift tells of traffic that has left the band that the plan was made for: it is time for
// another plan, for Plan. Without Config.Reach there is none.
func (l *Loop) Drift() (d Drift, drifts bool) {
	u := &l.usual
	stage, _ := u.left(l.config.Reach, l.config.Band)
	if stage < 0 || u.out < strays {
		return d, false
	}
	d = l.Traffic()
	d.Why = fmt.Sprintf("%.3g of the requests reach stage %d, and the plan was made for %.3g", d.Reach[stage], stage+1, l.config.Reach[stage])
	return d, true
}

// Traffic is what traffic is like now.
func (l *Loop) Traffic() Drift {
	u := &l.usual
	d := Drift{Reach: reachOf(u.recent()), Rate: u.mean, Deviation: math.Sqrt(max(u.variance-u.mean/minute, 0))}
	if u.blocks == 0 {
		for _, n := range u.block {
			d.Rate += n / float64(len(u.block))
		}
	}
	return d
}

// Plan goes over to the groups of another plan, made for another reach. What is wanted of a group
// that stays is kept; the policy's memory is of rates by stage, and stays. A plan that the loop
// cannot have changes nothing, and its error wraps ErrConfig. Tick is due at once.
func (l *Loop) Plan(groups []Group, reach []float64) error {
	c := l.config
	c.Groups, c.Reach = groups, reach
	if err := c.validate(); err != nil {
		return err
	}
	next := newGroups(groups)
	for i := range next {
		for _, old := range l.groups {
			a, b := old.Offers[0], next[i].Offers[0]
			if a.Stages != b.Stages {
				continue
			}
			next[i].want = int(math.Ceil(float64(old.want)*a.Saturation/b.Saturation - few))
			if a.Offer.Name == b.Offer.Name {
				break
			}
		}
		next[i].want = min(max(next[i].want, next[i].Min), c.most(next[i].Group))
	}
	l.config, l.groups, l.usual.out = c, next, 0
	l.usual.settle()
	l.next = 0 // the fleet is to know at once
	return nil
}
