package compare

import (
	"errors"

	"github.com/serflow/serflow-go/provisioner/planner"
)

// Alone is what the planner finds if there is nothing to rent but one offer: VMs of one type with all functions, or
// one function. It is planned, not simulated: VMs of the plan are there all the time.
type Alone struct {
	Offer     string  `json:"offer"`
	Kind      string  `json:"kind"`      // "VMs" or "function"
	VMs       int     `json:"vms"`       // that the plan has, of all groups
	Dollars   float64 `json:"dollars"`   // an hour
	Functions float64 `json:"functions"` // of these, for functions
	Within    float64 `json:"within"`    // share of the requests in time
	Why       string  `json:"why,omitempty"`
}

// Offers plans with each offer alone; only the profile, prices, SLO and rates of an Ask count. An offer that the model does
// not fit on, or with which nothing meets the SLO, says why. The error wraps ErrAsk.
func Offers(a Ask) (all []Alone, err error) {
	a = a.withDefaults()
	if err := a.validate(); err != nil {
		return nil, err
	}
	w, err := newWorkload(a)
	if err != nil {
		return nil, err
	}
	var p planner.Planner
	plan := func(ask planner.Ask, x Alone) error {
		r, err := p.Plan(ask)
		switch {
		case errors.Is(err, planner.ErrSLO), errors.Is(err, planner.ErrFit):
			x.Why = err.Error()
		case err != nil:
			return err
		default:
			x.Dollars, x.Functions, x.Within = r.Bill.Total(), r.Bill.Functions, r.InTime
			for _, g := range r.Plan.VMs {
				x.VMs += g.VMs
			}
		}
		all = append(all, x)
		return nil
	}
	for _, v := range w.ask.VMs {
		ask := w.ask
		ask.VMs = []planner.VM{v}
		if err := plan(ask, Alone{Offer: v.Offer.Name, Kind: "VMs"}); err != nil {
			return nil, err
		}
	}
	for _, f := range w.ask.Functions {
		ask := w.ask
		ask.VMs, ask.Functions = nil, []planner.Function{f}
		if err := plan(ask, Alone{Offer: f.Offer.Name, Kind: "function"}); err != nil {
			return nil, err
		}
	}
	return all, nil
}
