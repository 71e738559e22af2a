package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/serflow/serflow-go/internal/load"
	"github.com/serflow/serflow-go/providers/local"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
)

// fleet is the VMs, and the pipeline that has rented them.
type fleet struct {
	cloud      *local.Provider
	pipeline   *serflow.Pipeline
	credential string
}

const owner = "overload"

// rent returns a fleet of which all VMs serve.
func rent(ctx context.Context) (f *fleet, err error) {
	offer := provisioner.VMOffer{Name: "VM", VCPUs: 1, PerHour: 0.04}
	f = &fleet{credential: rand.Text()}
	f.cloud, err = local.Open(local.Options{Program: local.Self, VMs: []local.VM{{Offer: offer}}})
	if err != nil {
		return nil, err
	}
	f.pipeline, err = serflow.Open(ctx, model,
		serflow.On(f.cloud.VMs(), nil), serflow.Owner(owner), serflow.Credential(f.credential),
		serflow.Limits(provisioner.Limits{VMs: vms, PerHour: 1, PerDay: 1}), serflow.SLO(slo), serflow.Times(offer.Name, times),
		serflow.Plan(provisioner.Plan{Reach: reach, VMs: []provisioner.VMGroup{{Stages: stage.Range{Last: len(means) - 1}, Offer: offer, VMs: vms}}}))
	if err != nil {
		return nil, errors.Join(err, f.cloud.Close())
	}
	if err := f.ready(ctx); err != nil {
		return nil, errors.Join(err, f.end())
	}
	return f, nil
}

// ready waits until all VMs serve.
func (f *fleet) ready(ctx context.Context) error {
	for {
		n := 0
		for _, vm := range f.pipeline.Stats().VMs {
			if vm.State == "ready" {
				n++
			}
		}
		if n == vms {
			return nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// end ends the VMs.
func (f *fleet) end() error {
	return errors.Join(f.pipeline.Teardown(context.Background()), f.cloud.Close())
}

// infer is a client of the pipeline.
func (f *fleet) infer(ctx context.Context, depth int) error {
	r, err := f.pipeline.Infer(ctx, load.Sample(depth, 1))
	if err == nil && r.Exit != depth {
		return fmt.Errorf("it left at stage %d, not %d", r.Exit+1, depth+1)
	}
	return err
}
