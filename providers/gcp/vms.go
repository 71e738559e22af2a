package gcp

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	compute "cloud.google.com/go/compute/apiv1"
	"google.golang.org/api/option"

	"github.com/serflow/serflow-go/internal/lately"
	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/provisioner"
)

// VMOptions is what Compute Engine sells, and what runs on it. A project, zones and an image must
// be given.
type VMOptions struct {
	Project string // its ID
	// Sold is the offers; nil means Types(), each on demand.
	Sold []VM
	// Zones are where VMs may run, the preferred one first: that of the service, since bytes between
	// zones cost more than most calls. The others, of the same region, are for when there is no
	// capacity in it.
	Zones []string
	// Network is a VPC network, and Subnetwork one of its subnetworks, such as "shop" or
	// "projects/shop-1234/regions/us-central1/subnetworks/shop"; default: the network "default", and
	// what it has in the region. VMs have no address outside of it.
	Network, Subnetwork string
	// Tags are network tags, by which firewall rules must let the service reach Port.
	Tags []string

	// Image is what runs if no Artifact is named, such as "projects/shop-1234/global/images/worker-1" or
	// "projects/shop-1234/global/images/family/worker".
	Image   string
	DiskGB  int    // of the boot disk; 0 means as the image
	Command string // that is the user's program in the image, with arguments, for a shell; default "/opt/serflow/worker"
	Port    int    // that workers listen at; default 8080
	// ServiceAccount is the email of the account that VMs run as; "" means none, and so no rights at
	// all. Workers need none.
	ServiceAccount string

	// Client is how Google Cloud is called; nil means by application default credentials.
	Client []option.ClientOption
}

// VM is an offer, and the machine types that it may be met with: the cheapest that is to be had, in
// the first zone where it is. All types must be of the offer's architecture and at least as fast as
// those that its times were measured on, and none may cost more than the offer says, so that limits
// on spending hold.
type VM struct {
	Offer provisioner.VMOffer
	Types []Type
}

// ComputeEngine implements providers.VMs. It is safe for concurrent use.
type ComputeEngine struct {
	options VMOptions

	mu      sync.Mutex
	api     *compute.InstancesClient
	intents map[string]*intent // of launches, by token
	order   []string           // of these tokens, the oldest first
	memory  lately.Memory
	endings map[string]*compute.Operation // deletions that have begun, by VM
}

var _ providers.VMs = (*ComputeEngine)(nil)

// VMs returns a provider of VMs on Compute Engine. It calls nobody: options that cannot be, missing
// credentials and the like are the error of whatever is called first.
func VMs(o VMOptions) *ComputeEngine {
	if o.Sold == nil {
		for _, t := range Types() {
			o.Sold = append(o.Sold, OnDemand(t))
		}
	}
	o.Sold, o.Zones, o.Tags, o.Client = slices.Clone(o.Sold), slices.Clone(o.Zones), slices.Clone(o.Tags), slices.Clone(o.Client)
	o.Command, o.Port = cmp.Or(o.Command, "/opt/serflow/worker"), cmp.Or(o.Port, 8080)
	return &ComputeEngine{options: o, intents: map[string]*intent{}, memory: lately.New(), endings: map[string]*compute.Operation{}}
}

// Name is "gcp".
func (*ComputeEngine) Name() string { return name }

// Close closes the connections to Google Cloud.
func (e *ComputeEngine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.api == nil {
		return nil
	}
	err := e.api.Close()
	e.api = nil
	return err
}

// Offers lists the VMs of the options. It asks nobody.
func (e *ComputeEngine) Offers(ctx context.Context) (offers []provisioner.VMOffer, err error) {
	const op = "list VM offers"
	if err := ctx.Err(); err != nil {
		return nil, notBegun(op, err)
	}
	if err := e.options.validate(); err != nil {
		return nil, failed(op, "", err)
	}
	for _, vm := range e.options.Sold {
		offers = append(offers, vm.Offer)
	}
	return offers, nil
}

// begin is the client for an operation, or says why it cannot be begun.
func (e *ComputeEngine) begin(ctx context.Context, op string) (*compute.InstancesClient, error) {
	if err := ctx.Err(); err != nil {
		return nil, notBegun(op, err)
	}
	if err := e.options.validate(); err != nil {
		return nil, failed(op, "", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.api == nil {
		api, err := compute.NewInstancesRESTClient(context.WithoutCancel(ctx), e.options.Client...)
		if err != nil {
			return nil, failed(op, noCredentials, fmt.Errorf("%w: %w", providers.ErrInvalid, err))
		}
		e.api = api
	}
	return e.api, nil
}

// validate reports what cannot be. Its error wraps providers.ErrInvalid.
func (o VMOptions) validate() error {
	names := map[string]bool{}
	for _, vm := range o.Sold {
		if err := vm.validate(); err != nil {
			return fmt.Errorf("%w: %w", providers.ErrInvalid, err)
		}
		names[vm.Offer.Name] = true
	}
	for _, z := range o.Zones {
		if !zone.MatchString(z) || regionOf(z) != regionOf(o.Zones[0]) {
			return fmt.Errorf("%w: zone %q: give VMOptions.Zones such as us-central1-a, all of one region", providers.ErrInvalid, z)
		}
	}
	switch {
	case len(names) < len(o.Sold):
		return fmt.Errorf("%w: two offers have one name: name each of them differently", providers.ErrInvalid)
	case !projectID.MatchString(o.Project):
		return fmt.Errorf("%w: project %q: give VMOptions.Project, the ID of yours", providers.ErrInvalid, o.Project)
	case len(o.Zones) == 0:
		return fmt.Errorf("%w: no zone: give VMOptions.Zones, that of your service first", providers.ErrInvalid)
	case o.Port < 1 || o.Port > 65535:
		return fmt.Errorf("%w: port %d: give one from 1 to 65535", providers.ErrInvalid, o.Port)
	case o.DiskGB < 0:
		return fmt.Errorf("%w: a disk of %d GB", providers.ErrInvalid, o.DiskGB)
	case strings.ContainsAny(o.Command, "\n\r\x00"):
		return fmt.Errorf("%w: the command %q is more than a line", providers.ErrInvalid, o.Command)
	}
	return nil
}

func (v VM) validate() error {
	if err := v.Offer.Validate(); err != nil {
		return err
	}
	if len(v.Types) == 0 {
		return fmt.Errorf("offer %q has no machine type", v.Offer.Name)
	}
	for _, t := range v.Types {
		switch {
		case t.Name == "":
			return fmt.Errorf("offer %q has a machine type without a name", v.Offer.Name)
		case t.Arch != v.Offer.Arch:
			return fmt.Errorf("offer %q is for %q, and its type %s has %q: one image cannot run on both", v.Offer.Name, v.Offer.Arch, t.Name, t.Arch)
		case !(t.PerHour > 0 && t.PerHour <= v.Offer.PerHour):
			return fmt.Errorf("offer %q costs $%g an hour, and its type %s $%g: limits on spending would not hold", v.Offer.Name, v.Offer.PerHour, t.Name, t.PerHour)
		}
	}
	return nil
}

// regionOf is the region of a zone.
func regionOf(zone string) string { return zone[:max(strings.LastIndexByte(zone, '-'), 0)] }
