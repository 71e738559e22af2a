package balancer

// Mechanism is a part of what the balancer does that can be left out: to see what it is worth,
// or because its work is done elsewhere.
type Mechanism uint8

// The mechanisms.
const (
	// Deadlines routes by them. Without it a request goes to a VM with a free place in its
	// batches, and else to a function, whatever it has left; and none is shed.
	Deadlines Mechanism = 1 << iota
	// Downstream looks at the places behind a group before a request is sent to it.
	Downstream
	// Concurrency adapts how many requests a member may have in hand to what it shows.
	Concurrency
	// Hedging sends a request that takes too long once more.
	Hedging
	// Shedding ends a request as soon as its deadline is out of reach.
	Shedding
)

// Priority says which requests are shed first.
type Priority int8

// The priorities. A request of any other is as one of the nearest.
const (
	// Sheddable ones are shed if they might not be in time after twice the wait that is expected
	// at VMs: under overload they are the first to go.
	Sheddable Priority = iota - 1
	Normal
	// Critical ones are shed only when they cannot be in time any more.
	Critical
)
