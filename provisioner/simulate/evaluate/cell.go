package evaluate

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/provisioner/simulate/catalogue"
	"github.com/serflow/serflow-go/provisioner/simulate/compare"
	"github.com/serflow/serflow-go/provisioner/simulate/depth"
)

// ErrLarge marks a cell that has more requests than the grid lets one have.
var ErrLarge = errors.New("too many requests")

// Traffic are rates of a mean, in requests a second for each second of a length.
type Traffic func(mean float64, length time.Duration) ([]float64, error)

// ask is what a cell compares. The error wraps ErrLarge if that is too much.
func (c Cell) ask(g *Grid, t Traffic, largest float64) (compare.Ask, error) {
	d, s, err := c.world()
	if err != nil {
		return compare.Ask{}, err
	}
	pass, work, err := s.Work(d)
	if err != nil {
		return compare.Ask{}, err
	}
	a := compare.Ask{
		Profile: d, Prices: s, SLO: time.Duration(c.SLO * pass * float64(time.Second)).Round(time.Microsecond),
		Seed: g.Seed, Seeds: g.Seeds, Precision: g.Precision, Policies: c.Policies, Reach: c.drift(d),
	}
	rate := c.VCPUs / work
	length, err := g.Length.of(rate, largest)
	if err != nil {
		return a, err
	}
	a.Settle = time.Duration(g.Length.Settle)
	a.Rates, err = t(rate, length+a.Settle)
	return a, err
}

// of is the length of traffic of a rate.
func (l Length) of(rate, largest float64) (time.Duration, error) {
	if n := rate * time.Duration(l.Least).Seconds(); n > largest {
		return 0, fmt.Errorf("%w: %.0f in %v, and at most %.0f are run", ErrLarge, n, time.Duration(l.Least), largest)
	}
	length := time.Duration(l.Requests / rate * float64(time.Second)).Truncate(time.Second)
	return min(max(length, time.Duration(l.Least)), time.Duration(l.Most)), nil
}

// world is the cell's profile and prices, with its boots and its variant.
func (c Cell) world() (*profile.Document, *catalogue.Sheet, error) {
	d, err := catalogue.Profile(c.Profile)
	if err != nil {
		return nil, nil, err
	}
	s, err := catalogue.Prices(c.Prices)
	if err != nil {
		return nil, nil, err
	}
	d.Offers = maps.Clone(d.Offers)
	for name, offer := range d.Offers {
		o := *offer
		o.Boot = stretched(o.Boot, c.Boot)
		if c.Variant.Way > 0 {
			o.Way = profile.Duration(float64(o.Way) * c.Variant.Way)
		}
		d.Offers[name] = &o
	}
	if c.Variant.OnDemand {
		s.VMs = slices.DeleteFunc(s.VMs, func(v catalogue.VM) bool { return v.Market == "spot" })
	}
	if x := c.Variant.FunctionPrice; x > 0 {
		for i := range s.Functions {
			s.Functions[i].PerCall *= x
			s.Functions[i].PerGBSecond *= x
		}
	}
	if x := c.Variant.Transfer; x > 0 {
		s.Transfer = catalogue.Transfer{VM: x, Function: x}
	}
	return d, s, nil
}

// stretched are samples with another mean; one of it if there are none.
func stretched(samples profile.Samples, mean time.Duration) (all profile.Samples) {
	if samples.Mean() == 0 {
		return profile.Samples{mean}
	}
	for _, t := range samples {
		all = append(all, time.Duration(float64(t)*float64(mean)/float64(samples.Mean())))
	}
	return all
}

// drift is nil if reach stays as it is.
func (c Cell) drift(d *profile.Document) func() (depth.Reach, error) {
	if c.Variant.Drift == 0 {
		return nil
	}
	far := slices.Clone(d.Reach.Shares)
	for k := range far {
		far[k] += c.Variant.Drift * (1 - far[k])
	}
	return func() (depth.Reach, error) { return depth.Wave(d.Reach.Shares, far, 30*time.Minute) }
}
