package aws

import (
	"slices"
	"time"

	"github.com/serflow/serflow-go/provisioner"
)

// Priced is when the prices of this package were last looked at. They are of Linux in
// us-east-1, in US dollars. AWS changes them now and then, and other regions have others:
// compare them with your own bill, and give your own table in the options if they differ.
const Priced = "2026-11-24"

// Type is an instance type of EC2.
type Type struct {
	Name     string
	Arch     string // as Go names it: amd64, arm64
	VCPUs    float64
	MemoryGB float64
	PerHour  float64 // dollars; of a spot type the most that is paid
	Source   string  // of the price
}

const onDemandPrices = "https://aws.amazon.com/ec2/pricing/on-demand/, us-east-1, Linux"

// Types is some instance types and their prices on demand. The caller may change what it gets.
func Types() []Type {
	return []Type{
		{"c7g.large", "arm64", 2, 4, 0.0725, onDemandPrices},
		{"m7g.large", "arm64", 2, 8, 0.0816, onDemandPrices},
		{"c7i.large", "amd64", 2, 4, 0.08925, onDemandPrices},
		{"m7i.large", "amd64", 2, 8, 0.1008, onDemandPrices},
		{"g4dn.xlarge", "amd64", 4, 16, 0.526, onDemandPrices},
		{"g5.xlarge", "amd64", 4, 16, 1.006, onDemandPrices},
	}
}

// Known is the types of Types with these names. One that is not there has a name and no more,
// and is refused when it is offered: give a Type of your own for it.
func Known(names ...string) (types []Type) {
	all := Types()
	for _, n := range names {
		i := slices.IndexFunc(all, func(t Type) bool { return t.Name == n })
		if i < 0 {
			types = append(types, Type{Name: n})
			continue
		}
		types = append(types, all[i])
	}
	return types
}

// OnDemand offers VMs of the cheapest of the types that is to be had. The offer has the name
// of the first type, the price of the dearest, and the least of what they have.
func OnDemand(types ...Type) VM { return offerOf("", provisioner.OnDemand, 0, types) }

// Spot is OnDemand on the spot market, whose VMs AWS takes back so many times an hour. Give
// each type the price that you are ready to pay: AWS asks the market's, never more than this, and
// launches none and takes VMs back while the market's is higher. They count for limits and bills with
// the price that you gave. The name of the offer ends in " spot".
func Spot(interruptions float64, types ...Type) VM {
	return offerOf(" spot", provisioner.Spot, interruptions, types)
}

// minimum is what Linux instances are billed for at least, by
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-purchasing-options.html.
const minimum = time.Minute

func offerOf(suffix string, m provisioner.Market, interruptions float64, types []Type) VM {
	o := provisioner.VMOffer{Minimum: minimum, Market: m, Interruptions: interruptions}
	for i, t := range types {
		if i == 0 {
			o.Name, o.Arch, o.VCPUs, o.MemoryGB, o.PerHour = t.Name+suffix, t.Arch, t.VCPUs, t.MemoryGB, t.PerHour
			continue
		}
		o.VCPUs, o.MemoryGB, o.PerHour = min(o.VCPUs, t.VCPUs), min(o.MemoryGB, t.MemoryGB), max(o.PerHour, t.PerHour)
	}
	return VM{Offer: o, Types: slices.Clone(types)}
}

// BetweenZones is dollars per GB of traffic between two zones of a region, both ends
// together, by https://aws.amazon.com/ec2/pricing/on-demand/#Data_Transfer: for the Path of a
// provisioner.Network whose VMs are in another zone than the service, and for VMOptions.Crossing.
const BetweenZones = 0.02
