// Package fakeaws is Amazon Web Services as far as package aws calls them, at the level of HTTP:
// the SDK talks to it as it talks to AWS. It is strict where public emulators are lax: it
// refuses parameters that it does not know, client tokens with other parameters, credentials
// for another region and clocks that are off; what has just been launched is not listed yet,
// and not known to other calls; answers get lost.
//
// It was written from the public documentation, and has not been compared with AWS itself.
package fakeaws

import (
	"context"
	"maps"
	"os/exec"
	"slices"
	"sync"
	"time"
)

// Options is what there is in the cloud, and how it behaves.
type Options struct {
	Region  string
	Images  []string           // machine images that may be launched; a parameter is one if it is listed
	Buckets []string           // of S3
	Subnets map[string]string  // zone by subnet
	Types   map[string]float64 // dollars an hour, by instance type, and " spot" after it

	// Boot is what a VM does from its launch until it shuts down, or is ended: then its context is
	// over. Nil if VMs do nothing.
	Boot    func(ctx context.Context, m Machine)
	Network string // the first half of VMs' private addresses; default "10.0"; NoNetwork for VMs without addresses

	Pending time.Duration // from a launch until a VM runs
	Ending  time.Duration // from its termination until it has ended
	Lag     time.Duration // how far lists, and calls that name a VM, are behind
	Page    int           // most VMs or functions on a page of a list; 0 means as many as are asked for

	// Function is what all functions run: the payload of a call in, its answer out. It may take
	// its time. An error is one of the function's own.
	Function func(payload []byte) ([]byte, error)
	// Program is what functions run instead: each sandbox is a process that asks the runtime API
	// for its calls, made for a function's environment. Close ends them.
	Program  func(environment map[string]string) *exec.Cmd
	Init     time.Duration // what an instance takes to initialise
	Creating time.Duration // from a function's creation, or a change of its code, until it can be called
	Calls    int           // that may run at once, in all functions; 0 means any number
}

// NoNetwork is where VMs have no addresses.
const NoNetwork = "none"

// Fault is a way in which calls fail.
type Fault string

// The faults. NoCapacity and OverQuota are of launches; NoImage and NotMade are of calls that give a
// function its code: the second are accepted, and fail afterwards. Busy is of calls that change a function.
const (
	Throttled   Fault = "throttled"
	Denied      Fault = "denied"
	Unavailable Fault = "unavailable" // 500, and nothing is done
	AnswerLost  Fault = "answer lost" // done, and the connection breaks
	NoCapacity  Fault = "no capacity"
	OverQuota   Fault = "over quota"
	NoImage     Fault = "no image"
	NotMade     Fault = "not made"
	Busy        Fault = "busy"
)

// Cloud is the fake. It is safe for concurrent use.
type Cloud struct {
	options Options

	mu       sync.Mutex
	faults   map[string][]Fault // by action: the first is that of the next call, and the last stays
	room     map[string]int     // VMs that there still is room for, by type and subnet; no limit if not there
	launches map[string]*launch // by zone and client token
	vms      []*vm
	calls    map[string]int // by action
	lambda   lambda
	skew     time.Duration     // of the cloud's clock, against ours
	objects  map[string][]byte // of S3, by bucket and key; and images, by their URI
	machines sync.WaitGroup    // that run
}

// New returns a cloud in which nothing runs and nothing fails.
func New(o Options) *Cloud {
	return &Cloud{options: o, faults: map[string][]Fault{}, room: map[string]int{}, launches: map[string]*launch{}, calls: map[string]int{}, lambda: lambda{functions: map[string]*function{}}, objects: map[string][]byte{}}
}

// Fail makes the calls of an action fail, one fault each, the last for ever; none mends it.
func (c *Cloud) Fail(action string, faults ...Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults[action] = faults
}

// fault is that of the next call. The cloud is locked.
func (c *Cloud) fault(action string) Fault {
	faults := c.faults[action]
	if len(faults) == 0 {
		return ""
	}
	if len(faults) > 1 {
		c.faults[action] = faults[1:]
	}
	return faults[0]
}

// Room says how many more VMs of a type there may be in a subnet; a negative number is no limit.
func (c *Cloud) Room(instanceType, subnet string, vms int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if vms < 0 {
		delete(c.room, instanceType+" "+subnet)
		return
	}
	c.room[instanceType+" "+subnet] = vms
}

// Skew sets the cloud's clock off by so much.
func (c *Cloud) Skew(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.skew = d
}

// now is the cloud's time. The cloud is locked.
func (c *Cloud) now() time.Time { return time.Now().Add(c.skew) }

// Calls counts the calls by action, such as "ec2:RunInstances".
func (c *Cloud) Calls() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.calls)
}

// Running is the IDs of the VMs that are billed.
func (c *Cloud) Running() (ids []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, vm := range c.vms {
		if vm.ended.IsZero() {
			ids = append(ids, vm.id)
		}
	}
	return ids
}

// Launched counts the VMs that have ever been launched.
func (c *Cloud) Launched() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.vms)
}

// Reclaim ends a VM as AWS does that takes one back.
func (c *Cloud) Reclaim(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := slices.IndexFunc(c.vms, func(vm *vm) bool { return vm.id == id }); i >= 0 {
		c.vms[i].end(time.Now())
	}
}

// VMDollars is the bill of all VMs: whole seconds, at least a minute each.
func (c *Cloud) VMDollars() (dollars float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, vm := range c.vms {
		until := vm.ended
		if until.IsZero() {
			until = time.Now()
		}
		seconds := max(60, int64((until.Sub(vm.launched)+time.Second-1)/time.Second))
		dollars += c.options.Types[vm.sold()] * float64(seconds) / 3600
	}
	return dollars
}
