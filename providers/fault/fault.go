// Package fault is what goes wrong at the calls of clouds. A test of a program that rents has
// a cloud of package mock or local fail, to see what the program makes of that:
//
//	mend, err := cloud.Inject(fault.Launch, fault.Throttled)
//
// Package providertest has the same faults injected into every provider that it tests. Set is
// for fakes of other clouds.
package fault

import (
	"fmt"
	"slices"
	"sync"

	"github.com/serflow/serflow-go/providers"
)

// Op is an operation of a provider, by the name that it has in errors.
type Op string

// The operations.
const (
	Launch        Op = "launch"
	ListVMs       Op = "list VMs"
	End           Op = "end VM"
	Ensure        Op = "ensure function"
	ListFunctions Op = "list functions"
	Remove        Op = "remove function"
	Invoke        Op = "invoke"
)

// Kind is a way in which an operation fails.
type Kind string

// The kinds of fault.
const (
	NoCapacity  Kind = "no capacity"  // of launches: there is no VM of any type, anywhere
	OverQuota   Kind = "over quota"   // of launches: the account may have no more
	PartGranted Kind = "part granted" // of launches: all but one VM
	Throttled   Kind = "throttled"    // too many calls: nothing is done
	Denied      Kind = "denied"       // the caller may not do this: nothing is done
	Unavailable Kind = "unavailable"  // the cloud answers that it has failed, and does nothing
	AnswerLost  Kind = "answer lost"  // it is done, and the caller never hears of it
)

// Ops are all operations.
func Ops() []Op { return []Op{Launch, ListVMs, End, Ensure, ListFunctions, Remove, Invoke} }

// Of are the kinds of fault that an operation can have; none of what is no operation.
func Of(op Op) []Kind {
	everywhere := []Kind{Throttled, Denied, Unavailable, AnswerLost}
	switch {
	case op == Launch:
		return append([]Kind{NoCapacity, OverQuota, PartGranted}, everywhere...)
	case slices.Contains(Ops(), op):
		return everywhere
	}
	return nil
}

// Set is the faults that a cloud has now. Its zero value has none. It is safe for concurrent
// use.
type Set struct {
	mu  sync.Mutex
	now map[Op]*Kind
}

// Inject makes all calls of an operation fail that are answered from now on, until it is mended
// or another fault takes its place. It refuses a fault that the operation cannot have, with an
// error that wraps providers.ErrInvalid. To mend it twice does no harm.
func (s *Set) Inject(op Op, k Kind) (mend func(), err error) {
	if kinds := Of(op); !slices.Contains(kinds, k) {
		return nil, fmt.Errorf("%w: no fault %q at operation %q: one of %q at one of %q", providers.ErrInvalid, k, op, kinds, Ops())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now == nil {
		s.now = map[Op]*Kind{}
	}
	ours := &k
	s.now[op] = ours
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.now[op] == ours {
			delete(s.now, op)
		}
	}, nil
}

func (s *Set) at(op Op) Kind {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.now[op]; k != nil {
		return *k
	}
	return ""
}

// Before is why a call is not to be begun, wrapping a sentinel of package providers; nil if it is.
func (s *Set) Before(op Op) error {
	k := s.at(op)
	sentinel := map[Kind]error{
		OverQuota: providers.ErrLimit, Throttled: providers.ErrThrottled, Denied: providers.ErrInvalid, Unavailable: providers.ErrUnavailable,
	}[k]
	if sentinel == nil {
		return nil
	}
	return fmt.Errorf("%w: injected: %s", sentinel, k)
}

// After is why nobody hears of a call that has been done, wrapping providers.ErrUnavailable; nil
// if it is answered.
func (s *Set) After(op Op) error {
	if s.at(op) != AnswerLost {
		return nil
	}
	return fmt.Errorf("%w: injected: %s", providers.ErrUnavailable, AnswerLost)
}

// Room is how many of n VMs there are for a launch.
func (s *Set) Room(n int) int {
	switch s.at(Launch) {
	case NoCapacity:
		return 0
	case PartGranted:
		return max(1, n-1)
	}
	return n
}
