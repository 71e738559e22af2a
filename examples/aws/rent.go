package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/serflow/serflow-go/examples/shouting"
	"github.com/serflow/serflow-go/providers/aws"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/serflow"
)

// What is offered, by architecture: the cheaper of two types of VM. Spot VMs cost less and are taken
// back: aws.Spot offers them, at the price that you are ready to pay.
var types = map[string][]string{"arm64": {"c7g.large", "m7g.large"}, "amd64": {"c7i.large", "m7i.large"}}

// images are Amazon Linux 2023, which has a client of S3, as AWS keeps them up to date.
var images = map[string]string{
	"arm64": "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64",
	"amd64": "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64",
}

// booting is from a launch until the worker serves, as is supposed here: measure yours.
const booting = 45 * time.Second

func (s settings) offer() aws.VM { return aws.OnDemand(aws.Known(types[s.arch]...)...) }

func (s settings) vms(d deployed) *aws.EC2 {
	const program = "/run/serflow/worker"
	return aws.VMs(aws.VMOptions{
		Sold: []aws.VM{s.offer()}, Subnets: s.subnets, SecurityGroups: s.groups, Image: images[s.arch], Role: s.instanceRole, Config: &s.config,
		Command: fmt.Sprintf("timeout 600 aws s3 cp --only-show-errors --region %s s3://%s/%s %s && chmod 700 %[4]s && exec %[4]s", s.config.Region, s.bucket, d.key, program),
	})
}

func (s settings) sizes() (sold []provisioner.FunctionOffer) {
	for _, o := range aws.Sizes() {
		if o.Arch == s.arch && o.MemoryMB == 1769 { // one vCPU: the model has one thread
			sold = append(sold, o)
		}
	}
	return sold
}

func (s settings) functions(d deployed) *aws.Lambda {
	return aws.Functions(aws.FunctionOptions{Sold: s.sizes(), Role: s.functionRole, Code: d.zip, Config: &s.config})
}

// passes is what the two stages take on one vCPU, as is supposed here for the sake of a plan that rents
// VMs: measure your own with serflow.Profile, and ask with planner.AskOf.
var passes = []time.Duration{4 * time.Millisecond, 16 * time.Millisecond}

// reach is the share of texts that get to each stage.
var reach = []float64{1, 0.3}

// ask is what the planner is asked: what to rent for this rate.
func (s settings) ask() (planner.Ask, error) {
	times, err := profile.LogNormal(passes, 0.2)
	if err != nil {
		return planner.Ask{}, err
	}
	a := planner.Ask{
		VMs:     []planner.VM{{Offer: s.offer().Offer, Times: times, Boot: booting}},
		Reach:   reach,
		SLO:     planner.SLO{Latency: s.slo},
		Traffic: planner.Steady(s.rate, s.rate/5),
		Network: provisioner.Network{
			VM:       provisioner.Path{Latency: 300 * time.Microsecond},
			Function: provisioner.Path{Latency: 5 * time.Millisecond},
		},
	}
	for _, o := range s.sizes() {
		a.Functions = append(a.Functions, planner.Function{Offer: o, Times: times, Overhead: time.Millisecond, Cold: 300 * time.Millisecond, ColdShare: 0.01})
	}
	return a, nil
}

// open rents what the planner says, and has the fleet follow the traffic.
func (s settings) open(ctx context.Context, d deployed, log *slog.Logger) (*serflow.Pipeline, error) {
	ask, err := s.ask()
	if err != nil {
		return nil, err
	}
	options := []serflow.Option{
		serflow.On(s.vms(d), s.functions(d)), serflow.Owner(s.owner), serflow.Limits(s.limits), serflow.SLO(s.slo),
		serflow.Scale(serflow.Scaling{Ask: &ask}), serflow.Network(ask.Network), serflow.Log(log),
	}
	if s.credential != "" {
		options = append(options, serflow.Credential(s.credential))
	}
	switch {
	case s.dry: // what is not rented is not remembered
		options = append(options, serflow.State(nil))
	case s.state != "":
		options = append(options, serflow.State(serflow.File(s.state)))
	}
	return serflow.Open(ctx, shouting.Model, options...)
}
