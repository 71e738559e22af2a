package gcp

import (
	"fmt"
	"time"

	"github.com/serflow/serflow-go/provisioner"
)

// Billing is for what a service of Cloud Run is billed.
type Billing uint8

const (
	// ByRequest bills an instance while it starts, serves or shuts down, and each request. In
	// between it has almost no CPU.
	ByRequest Billing = iota
	// ByInstance bills an instance from its start to its end, at lower prices and with no fee for
	// requests. It lives for up to a quarter of an hour after its last call, which is in no call's
	// Cost: for few calls that is most of the bill. Instances that are kept warm say what they cost.
	ByInstance
)

// Size is an offer, and the service of Cloud Run that it stands for.
type Size struct {
	Offer   provisioner.FunctionOffer
	CPU     float64 // vCPUs: 1, 2, 4, 6 or 8
	Billing Billing
	// Calls is how many an instance may have at once; 0 means 1, which gives each call all of it and
	// makes its bill that of its own time. With more, they share its CPU and its bill, of which
	// each call's Cost is all: what is counted is then too much, never too little.
	Calls int
	Min   int // instances that are always there
	Max   int // instances at most; 0 means 100
}

// Prices of Cloud Run in its regions of tier 1, such as us-central1, in US dollars, without what is
// free each month: https://cloud.google.com/run/pricing. Those of ByRequest were given to the
// authors with that source; ByInstance and idle ones are from memory, and were not read anew.
const (
	requestVCPUSecond  = 0.000024
	requestGiBSecond   = 0.0000025
	requestFee         = 0.40 / 1e6
	instanceVCPUSecond = 0.000018
	instanceGiBSecond  = 0.000002
	idleVCPUSecond     = 0.0000025 // of a minimum instance that is billed by request and serves none
	idleGiBSecond      = 0.0000025
)

// What Cloud Run allows: https://cloud.google.com/run/quotas.
const (
	longestCall = time.Hour
	longestBody = 32 << 20 // of HTTP/1, in or out
	billedUnit  = 100 * time.Millisecond
	mostDefault = 100 // instances of a service, unless more are asked for
	longestName = 49
	longestText = 32 << 10 // of a variable
)

// SizeOf is a size at the prices of this package, for amd64, of whole MB of memory.
func SizeOf(cpu float64, memoryMB int, billing Billing) Size {
	gib := float64(memoryMB) / 1024
	s := Size{CPU: cpu, Billing: billing, Calls: 1, Max: mostDefault, Offer: provisioner.FunctionOffer{
		Name: fmt.Sprintf("run %g vCPU %g GiB", cpu, gib), Arch: "amd64", MemoryMB: memoryMB,
		PerCall: requestFee, PerGBSecond: (cpu*requestVCPUSecond + gib*requestGiBSecond) / gib,
		Round: billedUnit, Concurrency: mostDefault, Timeout: longestCall, Payload: longestBody,
	}}
	if billing == ByInstance {
		s.Offer.Name += " by instance"
		s.Offer.PerCall, s.Offer.PerGBSecond = 0, (cpu*instanceVCPUSecond+gib*instanceGiBSecond)/gib
	}
	return s
}

// Warm is the size with instances that are always there, and what they cost while they are idle.
// What they serve is counted beside that, as if others did: so the bill is less than is counted,
// by request by a little, and by instance by what the warm ones serve.
func (s Size) Warm(instances int) Size {
	gib := float64(s.Offer.MemoryMB) / 1024
	perSecond := s.CPU*idleVCPUSecond + gib*idleGiBSecond
	if s.Billing == ByInstance {
		perSecond = s.CPU*instanceVCPUSecond + gib*instanceGiBSecond
	}
	s.Min, s.Offer.IdlePerHour = instances, 3600*perSecond*float64(instances)
	s.Offer.Name += fmt.Sprintf(", %d warm", instances)
	return s
}

// Sizes is one, two and four vCPUs with 2 GiB each by request, and one vCPU of which an instance is
// kept warm, by request and by instance. The caller may change what it gets.
func Sizes() (sizes []Size) {
	for _, cpu := range []float64{1, 2, 4} {
		sizes = append(sizes, SizeOf(cpu, int(cpu)*2048, ByRequest))
	}
	return append(sizes, SizeOf(1, 2048, ByRequest).Warm(1), SizeOf(1, 2048, ByInstance).Warm(1))
}

// cpus are what Cloud Run sells in whole instances, by the least and the most memory in MB, by
// https://cloud.google.com/run/docs/configuring/services/cpu.
var cpus = map[float64][2]int{1: {512, 4096}, 2: {512, 8192}, 4: {2048, 16384}, 6: {4096, 24576}, 8: {4096, 32768}}

func (s Size) validate() error {
	memory, sold := cpus[s.CPU]
	switch name := s.Offer.Name; {
	case s.Offer.Validate() != nil:
		return s.Offer.Validate()
	case s.Offer.Arch != "" && s.Offer.Arch != "amd64":
		return fmt.Errorf("function %q is for %q: Cloud Run has amd64 alone", name, s.Offer.Arch)
	case !sold:
		return fmt.Errorf("function %q has %g vCPUs: give 1, 2, 4, 6 or 8", name, s.CPU)
	case s.Offer.MemoryMB < memory[0] || s.Offer.MemoryMB > memory[1]:
		return fmt.Errorf("function %q has %d MB of memory: with %g vCPUs give %d to %d", name, s.Offer.MemoryMB, s.CPU, memory[0], memory[1])
	case s.Calls < 0 || s.Calls > 1000:
		return fmt.Errorf("function %q takes %d calls in an instance at once: give 1 to 1000", name, s.Calls)
	case s.Min < 0 || s.Max < 0 || s.Max > 0 && s.Min > s.Max:
		return fmt.Errorf("function %q has %d to %d instances: give no negative number, and no more at least than at most", name, s.Min, s.Max)
	case s.Min > 0 && s.Offer.IdlePerHour == 0:
		return fmt.Errorf("function %q keeps %d instances warm, and its IdlePerHour says that this costs nothing: see Size.Warm", name, s.Min)
	case s.Offer.Timeout > longestCall:
		return fmt.Errorf("function %q lets a call take %v: at most %v", name, s.Offer.Timeout, longestCall)
	}
	return nil
}
