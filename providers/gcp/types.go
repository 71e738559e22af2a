package gcp

import (
	"slices"
	"strings"
	"time"

	"github.com/serflow/serflow-go/provisioner"
)

// Priced is when the prices of this package were last looked at. They are of us-central1, in US
// dollars. Google changes them now and then, and other regions have others: compare them with your
// own bill, and give your own table in the options if they differ.
const Priced = "2026-11-28"

// Type is a machine type of Compute Engine.
type Type struct {
	Name     string
	Arch     string // as Go names it: amd64, arm64
	VCPUs    float64
	MemoryGB float64
	PerHour  float64 // dollars; of a spot type what you expect to pay
	Source   string  // of the price
}

const (
	given    = "https://cloud.google.com/compute/all-pricing, us-central1, on demand, as it was given to the authors; not read anew"
	recalled = "https://cloud.google.com/compute/all-pricing, us-central1, on demand, from memory; not read anew"
)

// Types is some machine types and their prices on demand. The caller may change what it gets.
func Types() []Type {
	return []Type{
		{"e2-standard-4", "amd64", 4, 16, 0.134, given},
		{"e2-highcpu-2", "amd64", 2, 2, 0.04947, recalled},
		{"c3-standard-4", "amd64", 4, 16, 0.209, given},
		{"c3-highcpu-4", "amd64", 4, 8, 0.1724, recalled},
		{"t2a-standard-2", "arm64", 2, 8, 0.077, recalled},
		{"g2-standard-4", "amd64", 4, 16, 0.76, given + "; 0.7068 has been quoted too"}, // with an L4
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

// Spot is OnDemand with spot VMs, of which Google takes one back so many times an hour. Give each
// type the price that you expect to pay. The name of the offer ends in " spot".
func Spot(interruptions float64, types ...Type) VM {
	return offerOf(" spot", provisioner.Spot, interruptions, types)
}

// minimum is what VMs are billed for at least, by https://cloud.google.com/compute/vm-instance-pricing.
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

// accelerated tells whether VMs of a type have a GPU, and so cannot be moved to another host while
// they run.
func (t Type) accelerated() bool {
	family, _, _ := strings.Cut(t.Name, "-")
	return slices.Contains([]string{"a2", "a3", "a4", "g2", "g4"}, family)
}

// Dollars per GB of traffic, for the Paths of a provisioner.Network, by
// https://cloud.google.com/vpc/network-pricing, from memory and not read anew. BetweenZones is
// within a region; ToInternet is from North America, the first TB of a month, as to functions at
// another cloud.
const (
	BetweenZones = 0.01
	ToInternet   = 0.12
)
