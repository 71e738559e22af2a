package serflow

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/planner"
)

// askPrices asks the providers what they sell, and has another plan made if some offer of the
// Ask costs something else than it did.
func (f *fleet) askPrices() {
	ctx, cancel := context.WithTimeout(f.ctx, time.Minute)
	defer cancel()
	vms, err := f.vms.Offers(ctx)
	f.note("prices of VMs", err)
	var functions []provisioner.FunctionOffer
	if f.functions != nil {
		functions, err = f.functions.Offers(ctx)
		f.note("prices of functions", err)
	}
	f.tell(func() {
		if ask, why := reprice(f.ask, vms, functions); why != "" {
			f.ask, f.priced = ask, why
		}
	})
}

// reprice is an Ask at the prices of today, and which of them have changed; "" if none has. A price that
// cannot be is passed over.
func reprice(ask planner.Ask, vms []provisioner.VMOffer, functions []provisioner.FunctionOffer) (_ planner.Ask, why string) {
	ask.VMs, ask.Functions = slices.Clone(ask.VMs), slices.Clone(ask.Functions)
	for i := range ask.VMs {
		o := &ask.VMs[i].Offer
		for _, now := range vms {
			if now.Name == o.Name && now.PerHour != o.PerHour && now.Validate() == nil {
				why = fmt.Sprintf("VMs of %q cost $%g an hour now, and not $%g", o.Name, now.PerHour, o.PerHour)
				o.PerHour = now.PerHour
			}
		}
	}
	for i := range ask.Functions {
		o := &ask.Functions[i].Offer
		for _, now := range functions {
			if now.Name == o.Name && prices(now) != prices(*o) && now.Validate() == nil {
				why = fmt.Sprintf("functions of %q cost %s now, and not %s", o.Name, prices(now), prices(*o))
				o.PerGBSecond, o.PerCall, o.IdlePerHour = now.PerGBSecond, now.PerCall, now.IdlePerHour
			}
		}
	}
	return ask, why
}

// prices are those of a function, in words.
func prices(o provisioner.FunctionOffer) string {
	s := fmt.Sprintf("$%g a GB-second and $%g a call", o.PerGBSecond, o.PerCall)
	if o.IdlePerHour > 0 {
		s += fmt.Sprintf(" and $%g an hour", o.IdlePerHour)
	}
	return s
}
