package serflow

import (
	"sync"

	"github.com/serflow/serflow-go/balancer"
)

// GroupStats counts the requests of one group of stages, on VMs or on its function.
type GroupStats struct {
	Group    string
	Kind     string  // "vm" or "function"
	Requests int64   // visits that came to an end: answered, passed on or failed
	Failed   int64   // of them, those that failed or were refused
	Latency  Latency // of the others, from sending them to having the reply
	Dollars  float64 // of functions: the bill of all calls, that of Open too; of VMs: of the time they worked on requests, as Result.Dollars
}

// groupCount is GroupStats under way; safe for concurrent use.
type groupCount struct {
	mu sync.Mutex
	GroupStats
}

func (g *groupCount) record(a *attempt) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.Requests++
	g.Dollars += a.dollars
	if a.reply.Err != nil {
		g.Failed++
		return
	}
	g.Latency.Record(a.took)
}

// pay adds a call that no request has made.
func (g *groupCount) pay(dollars float64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.Dollars += dollars
}

// counts are those of all groups.
type counts struct {
	mu     sync.Mutex
	groups []*groupCount
}

// group is the count of a group of one kind.
func (c *counts) group(name string, kind balancer.Kind) *groupCount {
	as := "vm"
	if kind == balancer.Function {
		as = "function"
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, g := range c.groups {
		if g.Group == name && g.Kind == as {
			return g
		}
	}
	g := &groupCount{GroupStats: GroupStats{Group: name, Kind: as, Latency: NewLatency()}}
	c.groups = append(c.groups, g)
	return g
}

func (c *counts) snapshot() (groups []GroupStats) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, g := range c.groups {
		g.mu.Lock()
		s := g.GroupStats
		s.Latency = NewLatency()
		s.Latency.Merge(g.Latency)
		g.mu.Unlock()
		groups = append(groups, s)
	}
	return groups
}
