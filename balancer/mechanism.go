package balancer

// Mechanism is a part of what the balancer does that can be left out, or taken in if it is off by
// default: to see what it is worth, or because its work is done elsewhere.
type Mechanism uint8

// The mechanisms.
const (
	// Deadlines routes by them. Without it a request goes to a VM with a free place in its
	// batches, and else to a function, whatever it has left; and none is shed.
	Deadlines Mechanism = 1 << iota
	// Concurrency adapts how many calls of a function may be under way to what its cloud refuses.
	Concurrency
	// Hedging sends a request that takes too long once more.
	Hedging
	// Shedding ends a request as soon as its deadline is out of reach.
	Shedding
	// Downstream keeps the time that the rest of the way takes now, behind a group that a request is
	// sent to.
	Downstream
	// Rooms adapts how many requests a VM may have in hand to what it refuses, and lets one that has
	// just joined others begin with few. It is off by default: VMs refuse little that a balancer
	// which knows their load would send them.
	Rooms
	// Warmth keeps instances of functions that bursts need: see Balancer.Warm.
	Warmth
)

// Priority says which requests are shed first.
type Priority int8

// The priorities. A request of any other is as one of the nearest.
const (
	// Sheddable ones are shed if they might not be in time after the wait that counts for others and
	// one and a half times all of those ahead at VMs: under overload they are the first to go. Where
	// functions are at their limits they look again least often.
	Sheddable Priority = iota - 1
	Normal
	// Critical ones are shed only when they cannot be in time any more, and where functions are at their
	// limits they look again most often.
	Critical
)
