package serflow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/serflow/serflow-go/providers"
)

// teardown ends all that carries the owner's tag.
func (c *cloud) teardown(ctx context.Context) error {
	var errs []error
	if c.vms != nil {
		errs = append(errs, c.kept(c.vms.Name(), c.endVMs(ctx, func(providers.Instance) bool { return true })))
	}
	if c.functions != nil {
		errs = append(errs, c.kept(c.functions.Name(), c.removeFunctions(ctx)))
	}
	return errors.Join(errs...)
}

// lateVM is how long a VM of a launch that was not answered may take to be listed.
const lateVM = 5 * time.Second

// endVMs ends VMs until none is listed.
func (c *cloud) endVMs(ctx context.Context, which func(providers.Instance) bool) error {
	unanswered := c.fleet != nil && len(c.fleet.launches) > 0
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		left, err := c.endListed(ctx, which)
		switch {
		case err != nil:
			return err
		case left > 0:
		case !unanswered:
			return nil
		default:
			unanswered, pause = false, lateVM
		}
		if !sleep(ctx, pause) {
			return ctx.Err()
		}
	}
}

// endListed ends the VMs that are listed, some at one time, and says how many there were.
func (c *cloud) endListed(ctx context.Context, which func(providers.Instance) bool) (n int, err error) {
	list, err := c.vms.List(ctx, c.owner)
	if err != nil {
		return 0, err
	}
	errs := make([]error, len(list))
	var g errgroup.Group
	g.SetLimit(8)
	for i, vm := range list {
		if !which(vm) {
			continue
		}
		n++
		g.Go(func() error {
			if err := c.vms.End(ctx, vm.ID); err != nil {
				errs[i] = fmt.Errorf("%s: %w", vm.ID, err)
			}
			c.log.Info("ended", "vm", vm.ID, "error", errs[i])
			return nil
		})
	}
	_ = g.Wait() // all errors are in errs
	return n, errors.Join(errs...)
}

// removeFunctions removes all, also those after one that cannot be.
func (c *cloud) removeFunctions(ctx context.Context) error {
	list, err := c.functions.List(ctx, c.owner)
	for _, f := range list {
		if failed := c.functions.Remove(ctx, f.ID); failed != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", f.ID, failed))
		} else {
			c.log.Info("removed", "function", f.ID)
		}
	}
	return err
}

// kept is the error of a teardown that is not complete.
func (c *cloud) kept(provider string, err error) error {
	if err == nil {
		return nil
	}
	return &Error{
		Provider: provider, Err: fmt.Errorf("teardown: %w", err),
		Remedy: fmt.Sprintf("some of what is tagged with owner %q may be left, and billed: call Teardown again", c.owner),
	}
}

// abandonTime is what a failed Open takes to end what it has launched.
const abandonTime = 20 * time.Second

// abandon ends the VMs that a failed Open has launched if nobody could adopt them, and says
// what stays.
func (c *cloud) abandon(ctx context.Context, err error) error {
	e := new(Error)
	if c.fleet == nil || !errors.As(err, &e) {
		return err
	}
	said := *e
	if c.credential != "" {
		said.Remedy += fmt.Sprintf("; VMs tagged with owner %q stay, and are billed: the next Open with this Credential adopts them", c.owner)
		return &said
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abandonTime)
	defer cancel()
	if failed := c.endVMs(ctx, c.fleet.ours); failed != nil {
		said.Err = because(e.Err, failed)
		said.Remedy += fmt.Sprintf("; VMs tagged with owner %q may be left, and billed until the next Open, or for half an hour", c.owner)
	}
	return &said
}
