package serflow

import (
	"context"

	"github.com/serflow/serflow-go/balancer"
	"github.com/serflow/serflow-go/providers"
)

// warmed is a provider of functions whose own calls, those with which Ensure warms a function, are on the bill
// of the group that they are for.
type warmed struct {
	providers.Functions
	c *cloud
}

func (f warmed) Ensure(ctx context.Context, s providers.FunctionSpec) (providers.Function, error) {
	fn, err := f.Functions.Ensure(ctx, s)
	if w := fn.Warmed; w != (providers.Warmed{}) {
		group := f.c.groupName(s.Stages)
		f.c.count.group(group, balancer.Function).pay(w.Dollars)
		f.c.log.Info("warmed", "function", fn.ID, "group", group, "wanted", w.Wanted, "started", w.Started, "throttled", w.Throttled, "dollars", w.Dollars)
	}
	return fn, err
}
