package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/serflow/serflow-go/providers/gcp"
)

// end ends everything that carries the owner's tag. What fails does not keep it from the rest: run it
// again.
func (s settings) end(ctx context.Context, out io.Writer) error {
	vms, functions := s.vms(), s.functions()
	defer vms.Close()
	defer functions.Close()
	return errors.Join(s.endVMs(ctx, vms, out), s.endFunctions(ctx, functions, out))
}

// endVMs ends VMs until none has been listed for a while: lists may be behind.
func (s settings) endVMs(ctx context.Context, vms *gcp.ComputeEngine, out io.Writer) error {
	for last := time.Now(); time.Since(last) < s.settle; {
		list, err := vms.List(ctx, s.owner)
		for _, vm := range list {
			last = time.Now()
			err = errors.Join(err, vms.End(ctx, vm.ID))
			fmt.Fprintf(out, "ended VM %s (%s)\n", vm.ID, vm.Offer.Name)
		}
		if err != nil {
			return err
		}
		select {
		case <-time.After(s.settle / 10):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (s settings) endFunctions(ctx context.Context, functions *gcp.CloudRun, out io.Writer) error {
	list, err := functions.List(ctx, s.owner)
	for _, f := range list {
		err = errors.Join(err, functions.Remove(ctx, f.ID))
		fmt.Fprintf(out, "removed function %s (%s)\n", f.ID, f.Offer.Name)
	}
	return err
}
