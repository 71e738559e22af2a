package gcp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	compute "cloud.google.com/go/compute/apiv1"
	"cloud.google.com/go/compute/apiv1/computepb"
	"google.golang.org/api/iterator"
	"google.golang.org/protobuf/proto"

	"github.com/serflow/serflow-go/providers"
)

// List lists the owner's VMs, from every zone and page. What this process has launched or ended in
// the last two minutes is listed as it knows it, since Compute Engine may be behind. A VM that has
// been shut down is listed too: its disk is billed until it is ended.
func (e *ComputeEngine) List(ctx context.Context, owner string) ([]providers.Instance, error) {
	const op = "list VMs"
	api, err := e.begin(ctx, op)
	if err != nil {
		return nil, err
	}
	return e.find(ctx, op, api, ownerKey, owner, func(vm providers.Instance) bool { return vm.Owner == owner })
}

// find lists the VMs with a label. Labels may be digests, so which has the last word.
func (e *ComputeEngine) find(ctx context.Context, op string, api *compute.InstancesClient, key, value string, which func(providers.Instance) bool) ([]providers.Instance, error) {
	e.lookAfter(ctx)
	zones := api.AggregatedList(ctx, &computepb.AggregatedListInstancesRequest{
		Project: e.options.Project, Filter: proto.String(fmt.Sprintf("labels.%s = %q", key, label(value))), MaxResults: proto.Uint32(500), // the most there are
	})
	var list []providers.Instance
	for {
		zone, err := zones.Next()
		if errors.Is(err, iterator.Done) {
			break
		}
		if err != nil {
			return nil, understood(ctx, op, err)
		}
		if w := zone.Value.GetWarning(); w != nil && w.GetCode() != computepb.Warning_NO_RESULTS_ON_PAGE.String() {
			return nil, failed(op, "ask again", fmt.Errorf("%w: %s cannot be seen: %s: %s", providers.ErrUnavailable, zone.Key, w.GetCode(), w.GetMessage()))
		}
		for _, i := range zone.Value.GetInstances() {
			if vm := e.options.instance(i); which(vm) {
				list = append(list, vm)
			}
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.memory.Correct(time.Now(), list, which), nil
}

// instance is a VM as its metadata describes it. Its ID is its zone and its name.
func (o VMOptions) instance(i *computepb.Instance) providers.Instance {
	tags := map[string]string{}
	for _, item := range i.GetMetadata().GetItems() {
		tags[item.GetKey()] = item.GetValue()
	}
	launched, _ := time.Parse(time.RFC3339, i.GetCreationTimestamp())
	vm := providers.Instance{
		ID: last(i.GetZone()) + "/" + i.GetName(), Token: tags[tokenKey], Owner: tags[ownerKey],
		Offer: vmOfferFrom(tags[offerKey], tags[termsKey]), Stages: stagesFrom(tags[stagesKey]), Artifact: tags[artifactKey], Launched: launched,
	}
	for _, n := range i.GetNetworkInterfaces() {
		if n.GetNetworkIP() != "" {
			vm.Address = net.JoinHostPort(n.GetNetworkIP(), strconv.Itoa(o.Port))
		}
	}
	return vm
}

// End ends a VM, and deletes its disk. That goes on after it has returned; if it fails, List lists
// the VM again.
func (e *ComputeEngine) End(ctx context.Context, id string) error {
	const op = "end VM"
	api, err := e.begin(ctx, op)
	if err != nil {
		return err
	}
	in, vm, ok := strings.Cut(id, "/")
	if !ok || !zone.MatchString(in) || !strings.HasPrefix(vm, "serflow-") {
		return nil // whatever it is, it is not ours
	}
	deletion, err := api.Delete(ctx, &computepb.DeleteInstanceRequest{Project: e.options.Project, Zone: in, Instance: vm})
	if err != nil && !missing(err) {
		return understood(ctx, op, err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if missing(err) && e.memory.Young(time.Now(), id) {
		return failed(op, "end it again in some seconds", fmt.Errorf("%w: Compute Engine does not know yet what it has just launched: %w", providers.ErrUnavailable, err))
	}
	e.memory.End(time.Now(), id)
	if deletion != nil {
		e.endings[id] = deletion
	}
	return nil
}

// lookAfter looks at the deletions that have begun: a VM whose deletion has failed is there still, and
// billed.
func (e *ComputeEngine) lookAfter(ctx context.Context) {
	e.mu.Lock()
	endings := e.endings // for us alone, until they are given back
	e.endings = map[string]*compute.Operation{}
	e.mu.Unlock()
	for _, deletion := range endings {
		_ = deletion.Poll(ctx) // what cannot be seen is looked at again
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for id, deletion := range endings {
		switch {
		case !deletion.Done() && e.memory.Ended(id):
			if e.endings[id] == nil {
				e.endings[id] = deletion
			}
		case outcome(deletion) != nil && e.endings[id] == nil:
			e.memory.Back(id)
		}
	}
}
