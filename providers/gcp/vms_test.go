package gcp_test

import (
	"testing"
	"time"

	"google.golang.org/api/option"

	"github.com/serflow/serflow-go/internal/fakegcp"
	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/gcp"
	"github.com/serflow/serflow-go/providers/providertest"
	"github.com/serflow/serflow-go/stage"
)

const (
	home, away   = "us-central1-a", "us-central1-b"
	machineImage = "projects/shop-1234/global/images/worker-1"
	inserting    = "compute.instances.create"
)

// newCompute is a Google Cloud of two zones, whose lists are some seconds behind.
func newCompute() *fakegcp.Cloud {
	return fakegcp.New(fakegcp.Options{
		Project: project, Region: region, Zones: []string{home, away}, Images: []string{machineImage},
		Types:   map[string]float64{"e2-standard-4": 0.134, "c3-standard-4": 0.209, "e2-standard-4 spot": 0.05, "g2-standard-4": 0.76},
		Booting: 3 * time.Second, Lag: 5 * time.Second, Page: 2,
	})
}

var spotE2 = gcp.Type{Name: "e2-standard-4", Arch: "amd64", VCPUs: 4, MemoryGB: 16, PerHour: 0.05}

// vmOptions sell one type, or either of two that are in the same offer.
func vmOptions(cloud *fakegcp.Cloud) gcp.VMOptions {
	return gcp.VMOptions{
		Project: project, Sold: []gcp.VM{gcp.OnDemand(gcp.Known("e2-standard-4", "c3-standard-4")...), gcp.Spot(0.05, spotE2)},
		Zones: []string{home, away}, Tags: []string{"worker"}, Image: machineImage,
		Client: []option.ClientOption{option.WithHTTPClient(cloud.Client())},
	}
}

func launchOf(t *testing.T, e *gcp.ComputeEngine, token string, vms int) providers.Launch {
	t.Helper()
	offers, err := e.Offers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return providers.Launch{Token: token, Owner: "shop", Offer: offers[0], Stages: stage.Range{First: 0, Last: 2}, VMs: vms}
}

// rooms says how many VMs there may be of each type in the home zone and in the other.
func rooms(cloud *fakegcp.Cloud, home_, away_ int) {
	for _, t := range []string{"e2-standard-4", "c3-standard-4"} {
		cloud.Room(t, home, home_)
		cloud.Room(t, away, away_)
	}
}

// conformingVMs has the faults of Launch at one of its calls.
func conformingVMs(cloud *fakegcp.Cloud, o gcp.VMOptions, launch string) providertest.Cloud {
	return providertest.Cloud{
		VMs: gcp.VMs(o), VMArtifact: machineImage, Setup: `{"credential":"the-secret-of-the-suite"}`,
		Running: cloud.Running, Launched: cloud.Launched,
		Spent:     func() (vms, functions float64) { return cloud.VMDollars(), 0 },
		Successor: func(*testing.T) providertest.Cloud { return conformingVMs(cloud, o, launch) },
		Lacks:     lacks(launch),
		Inject: func(op providertest.Op, f providertest.Fault) (mend func(), ok bool) {
			permission := map[providertest.Op]string{
				providertest.Launch: launch, providertest.ListVMs: "compute.instances.list", providertest.End: "compute.instances.delete",
			}[op]
			if f == providertest.PartGranted {
				rooms(cloud, 1, 0)
				return func() { rooms(cloud, -1, -1) }, true
			}
			cloud.Fail(permission, fakegcp.Fault(f))
			return func() { cloud.Fail(permission) }, permission != ""
		},
	}
}

// lacks are the faults that a launch cannot have at one of its calls.
func lacks(call string) map[providertest.At]string {
	faults := map[string][]providertest.Fault{
		"compute.instances.list":     {providertest.NoCapacity, providertest.OverQuota},
		"compute.instances.get":      {providertest.NoCapacity, providertest.OverQuota, providertest.Throttled, providertest.Denied},
		"compute.zoneOperations.get": {providertest.NoCapacity, providertest.OverQuota, providertest.Throttled, providertest.Denied},
	}[call]
	all := map[providertest.At]string{}
	for _, f := range faults {
		all[providertest.At{Op: providertest.Launch, Fault: f}] = "no answer of " + call + " says that nothing was inserted"
	}
	return all
}

func TestConformanceOfComputeEngine(t *testing.T) {
	for name, c := range map[string]struct {
		sold   gcp.VM
		zones  int
		launch string
	}{
		"one type":                    {gcp.OnDemand(gcp.Known("e2-standard-4")...), 1, inserting},
		"two types, in two zones":     {gcp.OnDemand(gcp.Known("c3-standard-4", "e2-standard-4")...), 2, inserting},
		"spot":                        {gcp.Spot(0.05, spotE2), 2, inserting},
		"operations that go unseen":   {gcp.OnDemand(gcp.Known("e2-standard-4")...), 2, "compute.zoneOperations.get"},
		"lists before launches":       {gcp.OnDemand(gcp.Known("e2-standard-4")...), 2, "compute.instances.list"},
		"VMs that are made go unseen": {gcp.OnDemand(gcp.Known("e2-standard-4")...), 2, "compute.instances.get"},
	} {
		t.Run(name, func(t *testing.T) {
			providertest.RunInBubble(t, func(t *testing.T) providertest.Cloud {
				cloud := newCompute()
				o := vmOptions(cloud)
				o.Sold, o.Zones = []gcp.VM{c.sold}, o.Zones[:c.zones]
				return conformingVMs(cloud, o, c.launch)
			})
		})
	}
}
