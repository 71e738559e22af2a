package provisioner

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// ErrNetwork marks a network that cannot be.
var ErrNetwork = errors.New("bad network")

// Network is what it takes to send a request to a place, or its reply back. The zero value
// takes nothing.
type Network struct {
	VM, Function Path
	// Payload is the bytes that a request carries into each stage; nil for none.
	Payload []int
	// Answer is the bytes of a finished request's reply.
	Answer int
}

// Path is what bytes take to travel.
type Path struct {
	Latency      time.Duration // one way
	BitsPerSec   float64       // 0 means that size takes no time
	DollarsPerGB float64       // of 1e9 bytes
}

// century is longer than anything takes, and short enough for sums of such times.
const century = 100 * 365 * 24 * time.Hour

// Time is how long bytes are on the way: a century at most.
func (p Path) Time(bytes int) time.Duration {
	if p.BitsPerSec == 0 {
		return sum(p.Latency)
	}
	return sum(p.Latency, atMostACentury(float64(bytes)*8/p.BitsPerSec*float64(time.Second)))
}

// sum adds times up, to a century at most.
func sum(times ...time.Duration) (total time.Duration) {
	for _, t := range times {
		total = min(total+min(t, century), century)
	}
	return total
}

func atMostACentury(ns float64) time.Duration { return time.Duration(min(ns, float64(century))) }

func (p Path) validate() error {
	if p.Latency < 0 || p.Latency > century || !(p.BitsPerSec >= 0) || !(p.DollarsPerGB >= 0) || math.IsInf(p.DollarsPerGB, 0) {
		return fmt.Errorf("%w: path %+v: give nothing negative, and no more than a century", ErrNetwork, p)
	}
	return nil
}

// Into is the bytes that a request carries into a stage.
func (n Network) Into(stage int) int {
	if n.Payload == nil {
		return 0
	}
	return n.Payload[stage]
}

// Validate reports what cannot be of a network for a model of so many stages. Its error
// wraps ErrNetwork.
func (n Network) Validate(stages int) error {
	if n.Payload != nil && len(n.Payload) != stages || n.Answer < 0 {
		return fmt.Errorf("%w: payloads %v and %d: give one for each of %d stages, and none negative", ErrNetwork, n.Payload, n.Answer, stages)
	}
	for _, bytes := range n.Payload {
		if bytes < 0 {
			return fmt.Errorf("%w: payloads %v: give none negative", ErrNetwork, n.Payload)
		}
	}
	return errors.Join(n.VM.validate(), n.Function.validate())
}
