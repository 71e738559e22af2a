package provisioner

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// ErrOffer marks an offer that cannot be right.
var ErrOffer = errors.New("bad offer")

// Market is how a VM is sold.
type Market uint8

// The markets. A spot VM may be taken back; a committed one is paid whether it runs or
// not, so running it costs nothing more.
const (
	OnDemand Market = iota
	Spot
	Committed
)

// VMOffer is a type of virtual machine that a provider sells.
type VMOffer struct {
	Name     string
	Arch     string // as Go names it: amd64, arm64
	VCPUs    float64
	MemoryGB float64
	PerHour  float64       // dollars
	Minimum  time.Duration // billed at least
	Market   Market
	// Interruptions is how often in an hour the cloud takes such a VM back. For Spot.
	Interruptions float64
}

// Cost is the bill in dollars of a VM that lived so long, from its launch: whole
// seconds, and at least the minimum. A committed VM is billed elsewhere.
func (o VMOffer) Cost(lived time.Duration) float64 {
	if o.Market == Committed {
		return 0
	}
	return o.PerHour * roundUp(max(lived, o.Minimum), time.Second).Hours()
}

// Validate reports a price or a time that is missing or negative. Its error wraps
// ErrOffer.
func (o VMOffer) Validate() error {
	switch {
	case o.Name == "":
		return fmt.Errorf("%w: a VM type without a name", ErrOffer)
	case !positive(o.PerHour):
		return fmt.Errorf("%w: VM type %q costs %v dollars an hour: give its price", ErrOffer, o.Name, o.PerHour)
	case o.Minimum < 0:
		return fmt.Errorf("%w: VM type %q is billed for at least %v", ErrOffer, o.Name, o.Minimum)
	case !(o.Interruptions >= 0) || math.IsInf(o.Interruptions, 0):
		return fmt.Errorf("%w: VM type %q is interrupted %v times an hour: give 0 or more", ErrOffer, o.Name, o.Interruptions)
	}
	return nil
}

// FunctionOffer is a size of cloud function that a provider sells.
type FunctionOffer struct {
	Name        string
	Arch        string
	MemoryMB    int
	PerCall     float64       // dollars
	PerGBSecond float64       // dollars, for each second of a call and GB of memory
	Round       time.Duration // what a call's time is rounded up to; 0 means 1 ms
	Concurrency int           // calls at once that the account allows; 0 means no limit is known
	Timeout     time.Duration // longest that a call may take; 0 means no limit is known
	Payload     int           // most bytes that a call may carry, in or out; 0 means no limit is known
	// IdlePerHour is dollars an hour that it costs whether it is called or not, as for instances
	// that are kept warm; 0 if nothing. It is in no call's Cost. Plans and simulations count it; a
	// pipeline's Stats, which add up calls, do not.
	IdlePerHour float64
}

// Cost is the bill in dollars of one call that is billed for so long.
func (o FunctionOffer) Cost(billed time.Duration) float64 {
	round := o.Round
	if round == 0 {
		round = time.Millisecond
	}
	return o.PerCall + o.PerGBSecond*float64(o.MemoryMB)/1024*roundUp(billed, round).Seconds()
}

// Validate reports a price or a size that is missing or negative. Its error wraps
// ErrOffer.
func (o FunctionOffer) Validate() error {
	switch {
	case o.Name == "":
		return fmt.Errorf("%w: a function without a name", ErrOffer)
	case o.MemoryMB <= 0:
		return fmt.Errorf("%w: function %q has %d MB of memory", ErrOffer, o.Name, o.MemoryMB)
	case !positive(o.PerGBSecond) || !(o.PerCall >= 0) || math.IsInf(o.PerCall, 0):
		return fmt.Errorf("%w: function %q costs %v dollars a call and %v a GB-second: give its prices", ErrOffer, o.Name, o.PerCall, o.PerGBSecond)
	case !(o.IdlePerHour >= 0) || math.IsInf(o.IdlePerHour, 0):
		return fmt.Errorf("%w: function %q costs %v dollars an hour while nobody calls it: give 0 or more", ErrOffer, o.Name, o.IdlePerHour)
	case o.Round < 0 || o.Concurrency < 0:
		return fmt.Errorf("%w: function %q: rounding to %v and %d calls at once cannot be", ErrOffer, o.Name, o.Round, o.Concurrency)
	case o.Timeout < 0 || o.Payload < 0:
		return fmt.Errorf("%w: function %q: a timeout of %v and payloads of %d bytes cannot be", ErrOffer, o.Name, o.Timeout, o.Payload)
	}
	return nil
}

func positive(x float64) bool { return x > 0 && !math.IsInf(x, 0) }

func roundUp(d, unit time.Duration) time.Duration {
	if rest := d % unit; rest > 0 && d <= Never-unit {
		return d + unit - rest
	}
	return d
}
