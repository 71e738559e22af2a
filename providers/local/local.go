// Package local is a cloud of subprocesses on this machine: VMs and functions are
// processes of the user's own program, which becomes a worker in them. VMs boot for as
// long as the options say, functions have cold starts and a limit on calls at once, and
// all of it is billed by a price sheet, so that a local run reports dollars.
//
// Provider.Inject makes calls fail as those of a cloud do, for tests of programs that rent.
//
// A child lives until its standard input ends. So none outlives its owner, even if that
// is killed.
package local

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/provisioner"
)

// Self as a program means this one, which has to call worker.Main first.
const Self = "self"

// Options is what a local provider sells, and what its children run. Only what is sold
// must be given.
type Options struct {
	Program string   // what runs if no Artifact is named: Self, or a path; "" means that all must name one
	Args    []string // of each child
	Env     []string // of each child, beside the environment of this process

	VMs       []VM
	Functions []Function

	KeepAlive   time.Duration // for which an idle process of a function stays; default 5 min
	Concurrency int           // calls at once of all functions, beside the offer's own limit; more are throttled; default 10

	// Timeout is how long a call of a function may run, without its cold start; default 1 min,
	// where clouds allow up to 15. Then its process is killed, and so a stage that never returns
	// takes up one of the calls at once no longer than that.
	Timeout time.Duration

	Startup time.Duration // from a process's start until it must be ready; default 2 min
	Grace   time.Duration // from the end of a process's standard input until it is killed; default 5 s

	// Log gets the output of all children, line by line, each with the ID of its VM or
	// function before it. One line at a time is written, and a child waits for its own. Nil
	// means that only errors show the last of it.
	Log io.Writer
}

// VM is a type of VM for sale.
type VM struct {
	Offer provisioner.VMOffer
	Boot  time.Duration // from a launch until the process is started
}

// Function is a size of function for sale.
type Function struct {
	Offer provisioner.FunctionOffer
	Cold  time.Duration // what a cold start takes beside the start of the process
}

// withDefaults is the options with all that was left open, or says what cannot be.
func (o Options) withDefaults() (Options, error) {
	if err := o.validate(); err != nil {
		return o, err
	}
	o.KeepAlive = cmp.Or(o.KeepAlive, 5*time.Minute)
	o.Concurrency = cmp.Or(o.Concurrency, 10)
	o.Timeout = cmp.Or(o.Timeout, time.Minute)
	o.Startup = cmp.Or(o.Startup, 2*time.Minute)
	o.Grace = cmp.Or(o.Grace, 5*time.Second)
	if o.Log == nil {
		o.Log = io.Discard
	}
	o.Args, o.Env, o.VMs, o.Functions = slices.Clone(o.Args), slices.Clone(o.Env), slices.Clone(o.VMs), slices.Clone(o.Functions)
	return o, nil
}

// validate reports what cannot be. Its error wraps providers.ErrInvalid.
func (o Options) validate() error {
	vms, functions := map[string]bool{}, map[string]bool{}
	shortest := min(o.KeepAlive, o.Timeout, o.Startup, o.Grace)
	for _, vm := range o.VMs {
		if err := vm.Offer.Validate(); err != nil {
			return fmt.Errorf("%w: %w", providers.ErrInvalid, err)
		}
		vms[vm.Offer.Name] = true
		shortest = min(shortest, vm.Boot)
	}
	for _, f := range o.Functions {
		if err := f.Offer.Validate(); err != nil {
			return fmt.Errorf("%w: %w", providers.ErrInvalid, err)
		}
		functions[f.Offer.Name] = true
		shortest = min(shortest, f.Cold)
	}
	switch {
	case len(vms) < len(o.VMs) || len(functions) < len(o.Functions):
		return fmt.Errorf("%w: two offers have one name: name each of them differently", providers.ErrInvalid)
	case shortest < 0 || o.Concurrency < 0:
		return fmt.Errorf("%w: a time of %v and %d calls at once: none may be negative", providers.ErrInvalid, shortest, o.Concurrency)
	}
	return nil
}
