// Package providers says how to rent from a cloud what package provisioner wants:
// interfaces, what is passed through them, and errors with names. Each cloud is a
// package below this one; package mock is one that runs in memory.
//
// Implementations are safe for concurrent use. Every method blocks until the cloud has
// answered or the context is over, and its errors are *Error, wrapping one of the
// sentinels of this package or the context's error.
package providers

import (
	"context"
	"fmt"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/stage"
)

// VMs is a provider of virtual machines.
type VMs interface {
	// Name is the provider's, as errors and results show it, such as "aws".
	Name() string
	// Offers lists what can be launched.
	Offers(ctx context.Context) ([]provisioner.VMOffer, error)
	// Launch asks for VMs, and may return fewer than were asked for. One token never
	// launches twice: asked again with the same Launch, it returns those of its VMs that
	// there are now, or is refused again if it was. Refused says which errors mean that no VM
	// has come of this call, nor will; after any other error, VMs may be there: ask again, or
	// List. A refusal says nothing of earlier calls with the same token that got no answer, as
	// when the second is throttled: then only List can tell.
	Launch(ctx context.Context, l Launch) ([]Instance, error)
	// End ends a VM. It is no error if it has ended before, or was never known.
	End(ctx context.Context, id string) error
	// List lists the VMs that carry the owner's tag, whether they have booted or not,
	// in the order of their launch.
	List(ctx context.Context, owner string) ([]Instance, error)
}

// Noticer is what a provider of VMs may also be, if it says before it takes one back.
type Noticer interface {
	// Notices sends each notice that comes from now on, and closes the channel when the
	// context is over or the provider is closed. A reader that is slow misses none.
	Notices(ctx context.Context) <-chan Notice
}

// Coroner is what a provider of VMs may also be, if it knows why one has ended.
type Coroner interface {
	// Gone says of a VM that ended by itself how, and what it said last. It is nil for all
	// others, and for those that were gone long ago. It answers at once, and asks nobody.
	Gone(id string) error
}

// Launch is a request for VMs. All but Setup is kept in tags of the VMs, so that List can
// tell what they are for.
type Launch struct {
	Token    string // names the request: no other ever has the same
	Owner    string // whose VMs they are
	Offer    provisioner.VMOffer
	Stages   stage.Range // that they serve
	VMs      int
	Artifact string // what they run, as the provider names it: a path, bundle, image or machine image

	// Setup is what the worker is told when it starts, as package worker writes it. It may
	// hold a secret: hand it over, and keep it out of tags, lists and logs.
	Setup string
}

// Validate reports a launch that no provider can do. Its error wraps ErrInvalid.
func (l Launch) Validate() error {
	switch {
	case l.Token == "":
		return fmt.Errorf("%w: a launch without a token could launch twice", ErrInvalid)
	case l.VMs < 1:
		return fmt.Errorf("%w: a launch of %d VMs", ErrInvalid, l.VMs)
	}
	return validate(l.Owner, l.Stages)
}

// validate checks what VMs and functions have in common.
func validate(owner string, stages stage.Range) error {
	switch {
	case owner == "":
		return fmt.Errorf("%w: no owner: what no one owns is never ended", ErrInvalid)
	case stages.First < 0 || stages.Len() < 1:
		return fmt.Errorf("%w: stages from %d to %d, counted from 0", ErrInvalid, stages.First, stages.Last)
	}
	return nil
}

// Instance is a VM that there is.
type Instance struct {
	ID       string // the provider's
	Token    string // of the launch that it came of
	Owner    string
	Address  string // to reach it at; empty if it has none yet
	Offer    provisioner.VMOffer
	Stages   stage.Range
	Artifact string
	Launched time.Time
}

// Notice says that a provider takes a VM back.
type Notice struct {
	ID  string
	End time.Time // when the VM will be gone
}
