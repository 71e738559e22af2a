package aws

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/serflow/serflow-go/internal/lately"
	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/provisioner"
)

// name is the provider's, in errors.
const name = "aws"

// VMOptions is what EC2 sells, and what runs on it. Subnets and an image must be given.
type VMOptions struct {
	// Sold is the offers; nil means Types(), each on demand.
	Sold []VM
	// Subnets are where VMs may run, the preferred one first: the one in the zone of the
	// service, since bytes between zones cost more than most calls. The others are for when
	// there is no capacity in it, of any type of the offer.
	Subnets []string
	// Crossing is what a VM in another subnet than the first costs more, in dollars an hour:
	// BetweenZones times the GB that it takes and sends in one. A dearer type in the first subnet is
	// preferred to a cheaper one elsewhere only if it costs less than that more. 0 means always.
	Crossing       float64
	SecurityGroups []string // of each VM: they must let the service reach Port; nil means the network's default

	// Image is what runs if no Artifact is named: a machine image, such as "ami-0abc", or a
	// parameter that names one, such as "resolve:ssm:/shop/image".
	Image string
	// Command is the user's program in the image, with arguments, for a shell; default
	// "/opt/serflow/worker". A worker ends, and its VM with it, when nobody owns it any more, but only
	// once its model is open: have what comes before that, such as a download, end by itself ("timeout 600").
	Command string
	Port    int // that workers listen at; default 8080
	// Role is the name of the instance profile of VMs; "" means none. Workers need no rights.
	Role string
	// Template is the ID or the name of a launch template, for all that is not said here, such
	// as disks; "" means none. Its default version is used.
	Template string

	// Config is how AWS is called; nil means by the SDK's default chain of credentials and
	// region.
	Config *sdk.Config
}

// VM is an offer, and the instance types that it may be met with: the cheapest that is to be
// had, in the first subnet if it is there. All types must be of the offer's architecture and at
// least as fast as those that its times were measured on, and none may cost more than the
// offer says, so that limits on spending hold.
type VM struct {
	Offer provisioner.VMOffer
	Types []Type
}

// EC2 implements providers.VMs. It is safe for concurrent use.
type EC2 struct {
	options VMOptions
	client  *client

	mu      sync.Mutex
	intents map[string]*intent // of launches, by token
	order   []string           // of these tokens, the oldest first
	memory  lately.Memory
}

var _ providers.VMs = (*EC2)(nil)

// VMs returns a provider of VMs on EC2. It calls nobody: options that cannot be, missing
// credentials and the like are the error of whatever is called first.
func VMs(o VMOptions) *EC2 {
	if o.Sold == nil {
		for _, t := range Types() {
			o.Sold = append(o.Sold, OnDemand(t))
		}
	}
	o.Sold, o.Subnets, o.SecurityGroups = slices.Clone(o.Sold), slices.Clone(o.Subnets), slices.Clone(o.SecurityGroups)
	if o.Command == "" {
		o.Command = "/opt/serflow/worker"
	}
	if o.Port == 0 {
		o.Port = 8080
	}
	return &EC2{options: o, client: &client{config: o.Config}, intents: map[string]*intent{}, memory: lately.New()}
}

// Name is "aws".
func (*EC2) Name() string { return name }

// Offers lists the VMs of the options. It asks nobody.
func (e *EC2) Offers(ctx context.Context) (offers []provisioner.VMOffer, err error) {
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
func (e *EC2) begin(ctx context.Context, op string) (*ec2.Client, error) {
	if err := ctx.Err(); err != nil {
		return nil, notBegun(op, err)
	}
	if err := e.options.validate(); err != nil {
		return nil, failed(op, "", err)
	}
	return e.client.ec2(ctx, op)
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
	switch {
	case len(names) < len(o.Sold):
		return fmt.Errorf("%w: two offers have one name: name each of them differently", providers.ErrInvalid)
	case len(o.Subnets) == 0 || slices.Contains(o.Subnets, ""):
		return fmt.Errorf("%w: no subnet: give VMOptions.Subnets, that of your service first", providers.ErrInvalid)
	case !(o.Crossing >= 0):
		return fmt.Errorf("%w: crossing zones costs $%g an hour: give VMOptions.Crossing as 0 or more", providers.ErrInvalid, o.Crossing)
	case o.Port < 1 || o.Port > 65535:
		return fmt.Errorf("%w: port %d: give one from 1 to 65535", providers.ErrInvalid, o.Port)
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
		return fmt.Errorf("offer %q has no instance type", v.Offer.Name)
	}
	for _, t := range v.Types {
		switch {
		case t.Name == "":
			return fmt.Errorf("offer %q has an instance type without a name", v.Offer.Name)
		case t.Arch != v.Offer.Arch:
			return fmt.Errorf("offer %q is for %q, and its type %s has %q: one image cannot run on both", v.Offer.Name, v.Offer.Arch, t.Name, t.Arch)
		case !(t.PerHour > 0 && t.PerHour <= v.Offer.PerHour):
			return fmt.Errorf("offer %q costs $%g an hour, and its type %s $%g: limits on spending would not hold", v.Offer.Name, v.Offer.PerHour, t.Name, t.PerHour)
		}
	}
	return nil
}
