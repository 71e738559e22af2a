package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// end ends everything that carries the owner's tag, and the program in the bucket. What fails does
// not keep it from the rest: run it again.
func (s settings) end(ctx context.Context, out io.Writer) error {
	s.arch = "arm64" // whatever they run on, they are found by the owner
	key := s.key()
	_, err := s.s3().DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.bucket, Key: &key})
	return errors.Join(s.endVMs(ctx, out), s.endFunctions(ctx, out), err)
}

// endVMs ends VMs until none has been listed for a while: EC2 does not list at once what it has launched.
func (s settings) endVMs(ctx context.Context, out io.Writer) error {
	vms := s.vms(deployed{})
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

func (s settings) endFunctions(ctx context.Context, out io.Writer) error {
	functions := s.functions(deployed{})
	list, err := functions.List(ctx, s.owner)
	for _, f := range list {
		err = errors.Join(err, functions.Remove(ctx, f.ID))
		fmt.Fprintf(out, "removed function %s (%s)\n", f.ID, f.Offer.Name)
	}
	return err
}
