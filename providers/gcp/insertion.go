package gcp

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"cloud.google.com/go/compute/apiv1/computepb"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/provisioner"
)

// candidate is one way to meet an offer.
type candidate struct {
	Type
	zone string
}

// candidates is the ways to meet an offer: the cheapest type first, and of one price the zones in
// their order.
func (o VMOptions) candidates(vm VM) (all []candidate) {
	types := slices.Clone(vm.Types)
	slices.SortStableFunc(types, func(a, b Type) int { return cmp.Compare(a.PerHour, b.PerHour) })
	for _, t := range types {
		for _, z := range o.Zones {
			all = append(all, candidate{t, z})
		}
	}
	return all
}

// bought is the offer at the price of the type that meets it.
func bought(o provisioner.VMOffer, c candidate) provisioner.VMOffer {
	o.PerHour = c.PerHour
	return o
}

// vmName is the name of one VM of a launch, whoever asks for it and however often: a zone has no
// two VMs of one name.
func vmName(l providers.Launch, i int) string {
	return "serflow-" + digest(l.Owner, l.Token, fmt.Sprint(i))[:32]
}

// requests is the namespace of request IDs.
var requests = uuid.NewSHA1(uuid.NameSpaceURL, []byte("github.com/serflow/serflow-go/providers/gcp"))

// requestID names one insertion, for which Compute Engine remembers what came of it for an hour.
func requestID(l providers.Launch, i int, c candidate) string {
	return uuid.NewSHA1(requests, []byte(strings.Join([]string{l.Owner, l.Token, fmt.Sprint(i), c.Name, c.zone}, "\x00"))).String()
}

// script starts the worker as soon as the VM has booted, and shuts the VM down when the worker ends.
// So it does if there is no such program, and when the worker has not heard of its owner for too
// long. What is to be served is kept from other users of the VM.
const script = `#!/bin/sh
umask 077
mkdir -p /run/serflow
cat > /run/serflow/start.json <<'END_OF_START'
%s
END_OF_START
(
	export %s=/run/serflow/start.json
	%s
)
shutdown -h now
`

// longestMetadata is what a value of metadata may have, in bytes.
const longestMetadata = 256 << 10

// startup is the script with what the worker is told. Its error wraps providers.ErrInvalid.
func (o VMOptions) startup(setup string) (string, error) {
	start, err := json.Marshal(launch.Start{Kind: launch.VM, Listen: fmt.Sprintf("0.0.0.0:%d", o.Port), Setup: setup, Pace: 1})
	if err != nil {
		return "", fmt.Errorf("%w: the setup: %w", providers.ErrInvalid, err)
	}
	text := fmt.Sprintf(script, start, launch.Environment, o.Command)
	if n := len(text); n > longestMetadata {
		return "", fmt.Errorf("%w: the startup script has %d bytes, %d more than Compute Engine takes: tell workers less", providers.ErrInvalid, n, n-longestMetadata)
	}
	return text, nil
}

// image is what a VM boots from. Its error wraps providers.ErrInvalid.
func (o VMOptions) image(l providers.Launch) (string, error) {
	image := cmp.Or(l.Artifact, o.Image)
	switch {
	case image == "":
		return "", fmt.Errorf("%w: nothing to run: give VMOptions.Image, or an image as the artifact", providers.ErrInvalid)
	case !strings.HasPrefix(image, "projects/") && !strings.HasPrefix(image, "global/images/"):
		return "", fmt.Errorf("%w: the artifact %q is no image: give one such as projects/shop-1234/global/images/worker-1", providers.ErrInvalid, image)
	}
	return image, nil
}

// insertion asks for one VM: labelled, without an address outside of its network, and with no rights
// but those of its account. Its error wraps providers.ErrInvalid.
func (o VMOptions) insertion(l providers.Launch, i int, c candidate) (*computepb.InsertInstanceRequest, error) {
	image, err := o.image(l)
	if err != nil {
		return nil, err
	}
	startup, err := o.startup(l.Setup)
	if err != nil {
		return nil, err
	}
	labels := map[string]string{ownerKey: label(l.Owner), tokenKey: label(l.Token)}
	metadata := vmTags(l, c)
	for what, text := range metadata {
		if !utf8.ValidString(text) || len(text) > longestMetadata {
			return nil, fmt.Errorf("%w: %s is no UTF-8 text, or too long for metadata", providers.ErrInvalid, what)
		}
	}
	metadata["startup-script"] = startup
	vm := &computepb.Instance{
		Name: proto.String(vmName(l, i)), MachineType: proto.String("zones/" + c.zone + "/machineTypes/" + c.Name),
		Labels: labels, Metadata: items(metadata), Scheduling: o.scheduling(l.Offer.Market, c),
		Disks: []*computepb.AttachedDisk{{
			Boot: proto.Bool(true), AutoDelete: proto.Bool(true),
			InitializeParams: &computepb.AttachedDiskInitializeParams{SourceImage: proto.String(image), Labels: labels},
		}},
		NetworkInterfaces: []*computepb.NetworkInterface{o.networkInterface(c)}, // with no access configuration: no external address
	}
	if o.DiskGB > 0 {
		vm.Disks[0].InitializeParams.DiskSizeGb = proto.Int64(int64(o.DiskGB))
	}
	if len(o.Tags) > 0 {
		vm.Tags = &computepb.Tags{Items: o.Tags}
	}
	if o.ServiceAccount != "" {
		vm.ServiceAccounts = []*computepb.ServiceAccount{{Email: proto.String(o.ServiceAccount), Scopes: []string{"https://www.googleapis.com/auth/cloud-platform"}}}
	}
	return &computepb.InsertInstanceRequest{Project: o.Project, Zone: c.zone, RequestId: proto.String(requestID(l, i, c)), InstanceResource: vm}, nil
}

// scheduling is how a VM ends that Google ends: one that is lost is replaced by us, not restarted.
func (o VMOptions) scheduling(m provisioner.Market, c candidate) *computepb.Scheduling {
	s := &computepb.Scheduling{AutomaticRestart: proto.Bool(false)}
	if c.accelerated() {
		s.OnHostMaintenance = proto.String(computepb.Scheduling_TERMINATE.String())
	}
	if m == provisioner.Spot {
		s.ProvisioningModel = proto.String(computepb.Scheduling_SPOT.String())
		s.InstanceTerminationAction = proto.String(computepb.Scheduling_DELETE.String())
		s.OnHostMaintenance = proto.String(computepb.Scheduling_TERMINATE.String())
	}
	return s
}

func (o VMOptions) networkInterface(c candidate) *computepb.NetworkInterface {
	n := &computepb.NetworkInterface{}
	switch {
	case strings.Contains(o.Subnetwork, "/"):
		n.Subnetwork = proto.String(o.Subnetwork)
	case o.Subnetwork != "":
		n.Subnetwork = proto.String("regions/" + regionOf(c.zone) + "/subnetworks/" + o.Subnetwork)
	}
	switch network := cmp.Or(o.Network, "default"); {
	case strings.Contains(network, "/"):
		n.Network = proto.String(network)
	case o.Network != "" || o.Subnetwork == "":
		n.Network = proto.String("global/networks/" + network)
	}
	return n
}

func items(values map[string]string) *computepb.Metadata {
	m := &computepb.Metadata{}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		m.Items = append(m.Items, &computepb.Items{Key: proto.String(key), Value: proto.String(values[key])})
	}
	return m
}
