// Package fakegcp is Google Cloud as far as package gcp calls it: Cloud Run's API by gRPC, with the
// generated service interfaces, and long-running operations; what Cloud Run serves, by HTTP; and
// Compute Engine's REST API. The real client libraries talk to it as they talk to Google Cloud. It
// is strict: it refuses what it does not know and names that are taken; operations take several
// looks, fail half-way or never end; etags grow stale; lists are behind; answers get lost.
//
// It was written from the public documentation, and has not been compared with Google Cloud itself.
package fakegcp

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"cloud.google.com/go/run/apiv2/runpb"
	"net/http"
)

// Options is what there is in the cloud, and how it behaves.
type Options struct {
	Project string
	Region  string
	Page    int // most things on a page of a list; 0 means as many as are asked for

	// Container is what a new instance of a revision runs; nil means that it never starts. The fake
	// serves its handler as Cloud Run would.
	Container func(*runpb.RevisionTemplate) (http.Handler, error)
	Init      time.Duration // what an instance takes to start
	Deploying time.Duration // what an operation of Cloud Run takes

	Zones   []string
	Images  []string           // that VMs may boot from
	Types   map[string]float64 // dollars an hour, by machine type, and " spot" after it
	Booting time.Duration      // what an insertion takes
	Lag     time.Duration      // how far lists of VMs are behind
	// Boot is what a VM does from its insertion until it shuts down, or is ended: then its context is
	// over. Nil means nothing, for ever.
	Boot    func(context.Context, Machine)
	Silent  bool   // VMs never get an address
	Network string // the first two numbers of VMs' addresses; default "10.128"
}

// Fault is a way in which calls fail.
type Fault string

// The faults. NoCapacity and OverQuota are of insertions, and come to light in the operation, Exceeded
// at once; HalfWay and Endless are of operations; Stale is of changes; ZoneDown is of lists.
const (
	Throttled   Fault = "throttled"
	Denied      Fault = "denied"
	Unavailable Fault = "unavailable" // 503, and nothing is done
	AnswerLost  Fault = "answer lost" // done, and the connection breaks
	NoCapacity  Fault = "no capacity"
	ZoneDown    Fault = "zone down" // a list without one of the zones
	OverQuota   Fault = "over quota"
	Exceeded    Fault = "exceeded" // 403: a quota of things
	HalfWay     Fault = "half-way" // accepted, and then it fails
	Endless     Fault = "endless"  // accepted, and never done
	Stale       Fault = "stale"    // somebody else changes the thing just before
	// Of what Cloud Run serves.
	NoInstance Fault = "no instance" // 500, and nothing is run
	TimedOut   Fault = "timed out"   // 504, after the revision's timeout
	Crashed    Fault = "crashed"     // 503, and the instance is gone
)

// Cloud is the fake. It is safe for concurrent use.
type Cloud struct {
	options Options

	mu         sync.Mutex
	faults     map[string][]Fault // by permission: the first is that of the next call, and the last stays
	calls      map[string]int     // by permission
	operations map[string]*operation
	services   map[string]*service
	dollars    float64 // of functions
	serial     int     // of operations, revisions and etags

	vms        []*vm
	insertions map[string]*insertion // by request ID
	doings     map[string]*insertion // by the name of their operation
	machines   sync.WaitGroup
	room       map[string]int // VMs that there still is room for, by type and zone; no limit if not there
}

// New returns a cloud in which nothing runs and nothing fails.
func New(o Options) *Cloud {
	o.Network = cmp.Or(o.Network, "10.128")
	return &Cloud{
		options: o, faults: map[string][]Fault{}, calls: map[string]int{}, operations: map[string]*operation{}, services: map[string]*service{},
		insertions: map[string]*insertion{}, doings: map[string]*insertion{}, room: map[string]int{},
	}
}

// Fail makes the calls that need a permission fail, one fault each, the last for ever; none mends
// it. A call that needs several is known by the one that is named like it.
func (c *Cloud) Fail(permission string, faults ...Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults[permission] = faults
}

// enter counts a call with all the permissions that it needs, and returns the fault of the first.
// The cloud is locked.
func (c *Cloud) enter(permissions ...string) Fault {
	for _, p := range permissions {
		c.calls[p]++
	}
	faults := c.faults[permissions[0]]
	if len(faults) == 0 {
		return ""
	}
	if len(faults) > 1 {
		c.faults[permissions[0]] = faults[1:]
	}
	return faults[0]
}

// Calls counts how often each permission was needed, such as "run.services.create".
func (c *Cloud) Calls() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.calls)
}

// next numbers what the cloud makes. The cloud is locked.
func (c *Cloud) next() int {
	c.serial++
	return c.serial
}

// FunctionDollars is the bill of all calls that have ended, by request or by instance while it
// serves, without what idle instances cost.
func (c *Cloud) FunctionDollars() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dollars
}

// page cuts a list of names, of which the token is the last that was shown.
func page(names []string, size int, token string) (shown []string, next string) {
	names = slices.DeleteFunc(names, func(name string) bool { return name <= token })
	if size > 0 && len(names) > size {
		return names[:size], names[size-1]
	}
	return names, ""
}
