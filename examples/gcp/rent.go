package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/serflow/serflow-go/examples/shouting"
	"github.com/serflow/serflow-go/providers/gcp"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/serflow"
)

// boots is Container-Optimized OS, which runs container images, as Google keeps it up to date.
const boots = "projects/cos-cloud/global/images/family/cos-stable"

// booting is from a launch until the worker serves, as is supposed here: measure yours.
const booting = 60 * time.Second

// offer is the cheapest of these machine types, on demand or spot.
func (s settings) offer() gcp.VM {
	if s.spot > 0 {
		types := gcp.Known("e2-highcpu-2")
		types[0].PerHour = s.spot
		return gcp.Spot(0.05, types...)
	}
	return gcp.OnDemand(gcp.Known("e2-highcpu-2", "e2-standard-4")...)
}

// command runs the image that functions run too, on the VM's own network, where the worker finds what
// it is told. Container-Optimized OS lets nobody in by itself.
func (s settings) command() string {
	registry, _, _ := strings.Cut(s.image, "/")
	return strings.Join([]string{
		"export HOME=/run/serflow", fmt.Sprintf("iptables -w -A INPUT -p tcp --dport %d -j ACCEPT", s.port), "docker-credential-gcr configure-docker --registries=" + registry,
		"docker run --rm --network=host -v /run/serflow:/run/serflow:ro -e SERFLOW_WORKER " + s.image,
	}, " && ")
}

func (s settings) vms() *gcp.ComputeEngine {
	return gcp.VMs(gcp.VMOptions{
		Project: s.project, Sold: []gcp.VM{s.offer()}, Zones: s.zones, Subnetwork: s.subnetwork, Tags: s.tags, Image: boots, DiskGB: 10,
		Command: s.command(), Port: s.port, ServiceAccount: s.account, Client: s.reached.vms,
	})
}

// size is one vCPU, billed by request: the model has one thread.
func (s settings) size() gcp.Size { return gcp.SizeOf(1, 512, gcp.ByRequest) }

func (s settings) functions() *gcp.CloudRun {
	return gcp.Functions(gcp.FunctionOptions{
		Project: s.project, Region: s.region(), Sold: []gcp.Size{s.size()}, Image: s.image, ServiceAccount: s.account,
		Client: s.reached.functions, HTTP: s.reached.services, Token: s.reached.token,
	})
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
	return planner.Ask{
		VMs: []planner.VM{{Offer: s.offer().Offer, Times: times, Boot: booting}},
		Functions: []planner.Function{{
			Offer: s.size().Offer, Times: times, Overhead: time.Millisecond, Cold: 500 * time.Millisecond, ColdShare: 0.01,
		}},
		Reach:   reach,
		SLO:     planner.SLO{Latency: s.slo},
		Traffic: planner.Steady(s.rate, s.rate/5),
		Network: provisioner.Network{
			VM:       provisioner.Path{Latency: 300 * time.Microsecond},
			Function: provisioner.Path{Latency: 5 * time.Millisecond},
		},
	}, nil
}

// open rents what the planner says, and has the fleet follow the traffic.
func (s settings) open(ctx context.Context, vms *gcp.ComputeEngine, functions *gcp.CloudRun, log *slog.Logger) (*serflow.Pipeline, error) {
	if _, err := vms.Offers(ctx); err != nil { // says what is wrong with the options, before anything is rented
		return nil, err
	}
	ask, err := s.ask()
	if err != nil {
		return nil, err
	}
	options := []serflow.Option{
		serflow.On(vms, functions), serflow.Owner(s.owner), serflow.Limits(s.limits), serflow.SLO(s.slo),
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
	p, err := serflow.Open(ctx, shouting.Model, options...)
	if err != nil {
		return nil, fmt.Errorf("renting: %w", err)
	}
	return p, nil
}
