package serflow

import (
	"slices"

	"github.com/serflow/serflow-go/exit"
)

// ExitStats is how requests leave, and what is known of that.
type ExitStats struct {
	Policies []exit.Policy  // as Pipeline.Exits
	Drift    *DriftStats    `json:",omitempty"` // nil without the option, as are those below
	Watch    *WatchStats    `json:",omitempty"`
	Brownout *BrownoutStats `json:",omitempty"`
}

func (x *exits) snapshot() ExitStats {
	x.mu.Lock()
	defer x.mu.Unlock()
	return ExitStats{Policies: slices.Clone(x.current().policies), Drift: x.driftStats(), Watch: x.watchStats(), Brownout: x.brownoutStats()}
}
