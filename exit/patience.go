package exit

import "math"

// State is what an exit remembers of a row between stages: the last predicted
// class and how many exits in a row predicted it. Run == 0 means nothing seen,
// which is the zero value.
type State struct {
	Class int32
	Run   int32
}

// next is the state after an exit that predicts class. Every kind of policy
// updates it, so that patience may follow exits of other kinds.
func (s State) next(class int) State {
	c := int32(class)
	if s.Run <= 0 || s.Class != c {
		return State{Class: c, Run: 1}
	}
	if s.Run < math.MaxInt32 { // a state off the wire may hold any count
		s.Run++
	}
	return s
}
