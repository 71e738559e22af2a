package serflow

import (
	"context"
	"time"

	"github.com/serflow/serflow-go/balancer"
)

// Priority says which requests are shed first when not all can be answered in time.
type Priority = balancer.Priority

// The priorities. Requests are Normal unless their context says otherwise. Only a pipeline that
// rents sheds.
const (
	Sheddable = balancer.Sheddable // shed as if more were ahead of it
	Normal    = balancer.Normal
	Critical  = balancer.Critical // shed only when it cannot be in time any more
)

type priorityKey struct{}

// WithPriority is a context whose requests have a priority.
func WithPriority(ctx context.Context, p Priority) context.Context {
	return context.WithValue(ctx, priorityKey{}, p)
}

// rulesFor are the rules of a request that begins now.
func (c *cloud) rulesFor(ctx context.Context, now time.Duration) balancer.Rules {
	rules := c.rules
	rules.Functions = c.scaler.begins(now)
	rules.Priority, _ = ctx.Value(priorityKey{}).(Priority)
	return rules
}
