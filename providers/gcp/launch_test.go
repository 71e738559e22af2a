package gcp_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/compute/apiv1/computepb"

	"github.com/serflow/serflow-go/internal/fakegcp"
	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/gcp"
	"github.com/serflow/serflow-go/provisioner"
)

// where is the type and zone of each VM, sorted.
func where(cloud *fakegcp.Cloud, vms []providers.Instance) (places []string) {
	for _, vm := range vms {
		machine := cloud.Instance(vm.ID).GetMachineType()
		zone, _, _ := strings.Cut(vm.ID, "/")
		places = append(places, machine[strings.LastIndexByte(machine, '/')+1:]+" "+zone)
	}
	slices.Sort(places)
	return places
}

// The cheapest type that is to be had is taken, in the home zone before the other, and the next
// makes up for what is missing. Each VM says its own price.
func TestFallback(t *testing.T) {
	for _, c := range []struct {
		rooms [4]int // of e2 and then c3, at home and away
		want  []string
	}{
		{[4]int{-1, -1, -1, -1}, []string{"e2-standard-4 us-central1-a", "e2-standard-4 us-central1-a", "e2-standard-4 us-central1-a"}},
		{[4]int{0, -1, -1, -1}, []string{"e2-standard-4 us-central1-b", "e2-standard-4 us-central1-b", "e2-standard-4 us-central1-b"}},
		{[4]int{1, 1, -1, -1}, []string{"c3-standard-4 us-central1-a", "e2-standard-4 us-central1-a", "e2-standard-4 us-central1-b"}},
		{[4]int{0, 0, 0, 2}, []string{"c3-standard-4 us-central1-b", "c3-standard-4 us-central1-b"}},
		{[4]int{0, 0, 0, 0}, nil},
	} {
		bubble(t, func(t *testing.T) {
			cloud := newCompute()
			for i, place := range [][2]string{{"e2-standard-4", home}, {"e2-standard-4", away}, {"c3-standard-4", home}, {"c3-standard-4", away}} {
				cloud.Room(place[0], place[1], c.rooms[i])
			}
			e := gcp.VMs(vmOptions(cloud))
			vms, err := e.Launch(t.Context(), launchOf(t, e, "a", 3))
			if got := where(cloud, vms); !slices.Equal(got, c.want) {
				t.Errorf("%v: %v", c.rooms, got)
			}
			if len(c.want) == 0 {
				isError(t, err, providers.ErrInsufficientCapacity, "ZONE_RESOURCE_POOL_EXHAUSTED", "e2-standard-4 in us-central1-a", "c3-standard-4 in us-central1-b")
			} else if err != nil {
				t.Error(err)
			}
			for _, vm := range vms {
				want := map[bool]float64{true: 0.134, false: 0.209}[strings.HasPrefix(where(cloud, []providers.Instance{vm})[0], "e2")]
				if vm.Offer.PerHour != want || vm.Offer.Name != "e2-standard-4" {
					t.Errorf("%s costs %v and is called %s", vm.ID, vm.Offer.PerHour, vm.Offer.Name)
				}
			}
			time.Sleep(time.Minute)
			sorted := func(list []providers.Instance) []providers.Instance {
				slices.SortFunc(list, func(a, b providers.Instance) int { return strings.Compare(a.ID, b.ID) })
				return list
			}
			if list, err := e.List(t.Context(), "shop"); err != nil || !slices.Equal(sorted(list), sorted(vms)) {
				t.Errorf("listed: %+v, %v; want %+v", list, err, vms)
			}
		})
	}
}

// A call, or the look at what became of it, is lost anywhere. Whoever asks again goes on there, also
// another process; nothing is made twice.
func TestLaunchIsBrokenOffAnywhere(t *testing.T) {
	for _, permission := range []string{inserting, "compute.zoneOperations.get", "compute.instances.get", "compute.instances.list"} {
		for n := range 6 {
			for _, another := range []bool{false, true} {
				bubble(t, func(t *testing.T) {
					cloud := newCompute()
					cloud.Room("e2-standard-4", home, 1)
					e := gcp.VMs(vmOptions(cloud))
					l := launchOf(t, e, "a", 2)
					cloud.Fail(permission, append(slices.Repeat([]fakegcp.Fault{""}, n), fakegcp.AnswerLost, "")...)
					vms, err := e.Launch(t.Context(), l)
					if err != nil {
						isError(t, err, providers.ErrUnavailable)
						if another {
							e = gcp.VMs(vmOptions(cloud))
							time.Sleep(time.Minute) // its lists are behind
						}
						vms, err = e.Launch(t.Context(), l)
					}
					if err != nil || len(vms) == 0 || len(vms) != cloud.Launched() || cloud.Launched() > 2 || !another && len(vms) != 2 {
						t.Errorf("%s, call %d: %v, %v; %d launched", permission, n, where(cloud, vms), err, cloud.Launched())
					}
				})
			}
		}
	}
}

// A refusal of what may have been done before says nothing: VMs may have come of it. So one is not
// looked for elsewhere either, where it would be a second.
func TestARefusalAfterALostAnswer(t *testing.T) {
	for _, fault := range []fakegcp.Fault{fakegcp.Throttled, fakegcp.Denied, fakegcp.Exceeded} {
		bubble(t, func(t *testing.T) {
			cloud := newCompute()
			e := gcp.VMs(vmOptions(cloud))
			l := launchOf(t, e, "a", 2)
			cloud.Fail(inserting, fakegcp.AnswerLost, "", fault, "")
			for range 2 {
				_, err := e.Launch(t.Context(), l)
				isError(t, err, providers.ErrUnavailable)
				if providers.Refused(err) {
					t.Errorf("%v: it says that nothing was done", err)
				}
			}
			if vms, err := e.Launch(t.Context(), l); err != nil || len(vms) != 2 || cloud.Launched() != 2 {
				t.Errorf("%s: %v, %v; %d launched", fault, vms, err, cloud.Launched())
			}
		})
	}
}

// A quota that is said at once is one, and elsewhere there may be another.
func TestAQuotaThatIsSaidAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newCompute()
		e := gcp.VMs(vmOptions(cloud))
		cloud.Fail(inserting, fakegcp.Exceeded)
		_, err := e.Launch(t.Context(), launchOf(t, e, "a", 1))
		isError(t, err, providers.ErrLimit, "raise the quota")
		cloud.Fail(inserting, fakegcp.Exceeded, "")
		vms, err := e.Launch(t.Context(), launchOf(t, e, "b", 1))
		if err != nil || !slices.Equal(where(cloud, vms), []string{"e2-standard-4 us-central1-b"}) {
			t.Errorf("%v, %v", where(cloud, vms), err)
		}
	})
}

// Compute Engine takes an order to delete a VM, and then fails: the VM is listed again, and not
// forgotten while it is billed.
func TestADeletionThatFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newCompute()
		e := gcp.VMs(vmOptions(cloud))
		vms, err := e.Launch(t.Context(), launchOf(t, e, "a", 2))
		if err != nil {
			t.Fatal(err)
		}
		listed := func(want int) {
			t.Helper()
			time.Sleep(10 * time.Second)
			if list, err := e.List(t.Context(), "shop"); err != nil || len(list) != want || len(cloud.Running()) != want {
				t.Errorf("%v, %v, and %v run; want %d", list, err, cloud.Running(), want)
			}
		}
		cloud.Fail("compute.instances.delete", fakegcp.HalfWay, "")
		for _, vm := range vms {
			if err := e.End(t.Context(), vm.ID); err != nil {
				t.Error(err)
			}
		}
		listed(1)
		if err := e.End(t.Context(), vms[0].ID); err != nil {
			t.Error(err)
		}
		listed(0)
	})
}

// Another process asks while its list does not show yet what the first has launched: names and
// request IDs are the same, so it finds that.
func TestListsThatAreBehind(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newCompute()
		e := gcp.VMs(vmOptions(cloud))
		l := launchOf(t, e, "a", 3)
		cloud.Fail("compute.zoneOperations.get", fakegcp.Unavailable) // it crashes before its VMs are made
		soon, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := e.Launch(soon, l)
		isError(t, err, context.DeadlineExceeded)
		cloud.Fail("compute.zoneOperations.get")
		vms, err := gcp.VMs(vmOptions(cloud)).Launch(t.Context(), l)
		if err != nil || len(vms) != 3 || cloud.Launched() != 3 {
			t.Errorf("%v, %v; %d launched", vms, err, cloud.Launched())
		}
	})
}

// Even if request IDs are forgotten and lists show nothing, there are no two VMs of one name.
func TestNamesLaunchOnceToo(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := fakegcp.Options{Project: project, Region: region, Zones: []string{home}, Images: []string{machineImage}, Types: map[string]float64{"e2-standard-4": 0.134}, Lag: 3 * time.Hour}
		cloud := fakegcp.New(o)
		options := vmOptions(cloud)
		options.Sold = options.Sold[:1]
		options.Zones = options.Zones[:1]
		e := gcp.VMs(options)
		l := launchOf(t, e, "a", 2)
		first, err := e.Launch(t.Context(), l)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour)
		again, err := gcp.VMs(options).Launch(t.Context(), l)
		if err != nil || !slices.Equal(again, first) || cloud.Launched() != 2 {
			t.Errorf("%v, %v; want %v", again, err, first)
		}
	})
}

// What goes wrong after a VM was asked for: elsewhere there may be one, a quota is said, and what is
// never done is not waited for for ever.
func TestInsertionsThatGoWrong(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newCompute()
		e := gcp.VMs(vmOptions(cloud))
		cloud.Fail(inserting, fakegcp.HalfWay, "")
		vms, err := e.Launch(t.Context(), launchOf(t, e, "half-way", 1))
		if err != nil || !slices.Equal(where(cloud, vms), []string{"e2-standard-4 us-central1-b"}) {
			t.Errorf("%v, %v", where(cloud, vms), err)
		}
		cloud.Fail(inserting, fakegcp.OverQuota)
		_, err = e.Launch(t.Context(), launchOf(t, e, "quota", 2))
		isError(t, err, providers.ErrLimit, "QUOTA_EXCEEDED", "'CPUS' exceeded", "raise the quota")
		cloud.Fail(inserting, fakegcp.Endless)
		began := time.Now()
		_, err = e.Launch(t.Context(), launchOf(t, e, "endless", 1))
		isError(t, err, providers.ErrUnavailable, "after 10m0s")
		if took := time.Since(began); took > 11*time.Minute {
			t.Errorf("it took %v", took)
		}
		list, err := e.List(t.Context(), "shop")
		if err != nil || len(list) != len(cloud.Running()) || len(list) != 2 {
			t.Errorf("%v, %v: the endless one runs, and is listed", list, err)
		}
	})
}

// Of a list without one of the zones nothing follows: VMs there would seem to be gone.
func TestAZoneThatCannotBeSeen(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newCompute()
		e := gcp.VMs(vmOptions(cloud))
		cloud.Fail("compute.instances.list", fakegcp.ZoneDown)
		_, err := e.List(t.Context(), "shop")
		isError(t, err, providers.ErrUnavailable, "UNREACHABLE", home)
	})
}

// A VM that Google takes back is gone. One that has shut itself down has a disk that is billed: it
// is listed until it is ended.
func TestVMsThatEndByThemselves(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newCompute()
		e := gcp.VMs(vmOptions(cloud))
		l := launchOf(t, e, "a", 2)
		offers, _ := e.Offers(t.Context())
		l.Offer = offers[1] // spot
		vms, err := e.Launch(t.Context(), l)
		if err != nil || len(vms) != 2 {
			t.Fatal(vms, err)
		}
		cloud.Reclaim(vms[0].ID)
		cloud.ShutDown(vms[1].ID)
		time.Sleep(3 * time.Minute)
		list, err := e.List(t.Context(), "shop")
		if err != nil || len(list) != 1 || list[0].ID != vms[1].ID {
			t.Errorf("%v, %v", list, err)
		}
		if err := e.End(t.Context(), vms[1].ID); err != nil {
			t.Error(err)
		}
		time.Sleep(3 * time.Minute)
		if list, err := e.List(t.Context(), "shop"); err != nil || len(list) != 0 {
			t.Errorf("%v, %v", list, err)
		}
	})
}

// value is what a VM's metadata has for a key.
func value(i *computepb.Instance, key string) string {
	for _, item := range i.GetMetadata().GetItems() {
		if item.GetKey() == key {
			return item.GetValue()
		}
	}
	return ""
}

// A VM is safe from its first second: labelled, private, without rights, and with a disk that goes
// when it goes.
func TestWhatIsAskedOfComputeEngine(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newCompute()
		o := vmOptions(cloud)
		o.Port, o.Command, o.DiskGB, o.Subnetwork = 9000, "/srv/shop -v", 20, "shop"
		o.Sold = append(o.Sold, gcp.OnDemand(gcp.Known("g2-standard-4")...))
		e := gcp.VMs(o)
		l := launchOf(t, e, "Shop 1", 1)
		l.Setup = `{"credential":"secret"}`
		vms, err := e.Launch(t.Context(), l)
		if err != nil {
			t.Fatal(err)
		}
		i := cloud.Instance(vms[0].ID)
		disk, nic := i.Disks[0], i.NetworkInterfaces[0]
		if i.Labels["serflow-owner"] != "shop" || !strings.HasPrefix(i.Labels["serflow-token"], "sha256-") || disk.InitializeParams.Labels["serflow-owner"] != "shop" {
			t.Errorf("labels %v and %v", i.Labels, disk.InitializeParams.Labels)
		}
		if !disk.GetAutoDelete() || disk.InitializeParams.GetSourceImage() != machineImage || disk.InitializeParams.GetDiskSizeGb() != 20 {
			t.Errorf("%v", disk)
		}
		if len(nic.AccessConfigs) != 0 || len(nic.Ipv6AccessConfigs) != 0 || nic.GetSubnetwork() != "regions/us-central1/subnetworks/shop" || nic.Network != nil || i.Tags.Items[0] != "worker" {
			t.Errorf("%v, %v", nic, i.Tags)
		}
		if len(i.ServiceAccounts) != 0 || i.Scheduling.GetAutomaticRestart() || i.Scheduling.ProvisioningModel != nil {
			t.Errorf("%v, %v", i.ServiceAccounts, i.Scheduling)
		}
		for _, part := range []string{`{"kind":"vm","listen":"0.0.0.0:9000","setup":"{\"credential\":\"secret\"}","pace":1}`, "SERFLOW_WORKER=", "/srv/shop -v\n", "shutdown"} {
			if script := value(i, "startup-script"); !strings.Contains(script, part) {
				t.Errorf("%q is not in the script: %s", part, script)
			}
		}
		for key, value := range i.Labels {
			if strings.Contains(value, "secret") {
				t.Errorf("%s is %q", key, value)
			}
		}
		if value(i, "serflow-owner") != "shop" || value(i, "serflow-token") != "Shop 1" || vms[0].Address != "10.128.0.2:9000" {
			t.Errorf("%v at %q", i.Metadata, vms[0].Address)
		}
		offers, _ := e.Offers(t.Context())
		l.Token, l.Offer = "spot", offers[1]
		if vms, err = e.Launch(t.Context(), l); err != nil || vms[0].Offer != offers[1] || vms[0].Offer.Market != provisioner.Spot {
			t.Fatalf("%v, %v", vms, err)
		}
		if s := cloud.Instance(vms[0].ID).Scheduling; s.GetProvisioningModel() != "SPOT" || s.GetInstanceTerminationAction() != "DELETE" {
			t.Errorf("%v", s)
		}
		l.Token, l.Offer = "gpu", offers[2]
		if vms, err = e.Launch(t.Context(), l); err != nil || len(vms) != 1 {
			t.Errorf("%v, %v", vms, err)
		}
	})
}

// What can never succeed says so, before anything is called.
func TestWhatCannotBeLaunched(t *testing.T) {
	for what, c := range map[string]struct {
		options func(*gcp.VMOptions)
		launch  func(*providers.Launch)
		says    string
	}{
		"no project":             {options: func(o *gcp.VMOptions) { o.Project = "" }, says: "VMOptions.Project"},
		"no zone":                {options: func(o *gcp.VMOptions) { o.Zones = nil }, says: "VMOptions.Zones"},
		"a region":               {options: func(o *gcp.VMOptions) { o.Zones = []string{region} }, says: "us-central1-a"},
		"two regions":            {options: func(o *gcp.VMOptions) { o.Zones = []string{home, "europe-west1-b"} }, says: "of one region"},
		"no image":               {options: func(o *gcp.VMOptions) { o.Image = "" }, says: "VMOptions.Image"},
		"no machine image":       {launch: func(l *providers.Launch) { l.Artifact = image }, says: "is no image"},
		"a port that cannot be":  {options: func(o *gcp.VMOptions) { o.Port = 70000 }, says: "65535"},
		"a command of two lines": {options: func(o *gcp.VMOptions) { o.Command = "a\nb" }, says: "line"},
		"a type nobody knows":    {options: func(o *gcp.VMOptions) { o.Sold = append(o.Sold, gcp.OnDemand(gcp.Known("z9")...)) }, says: "z9"},
		"two offers of one name": {options: func(o *gcp.VMOptions) { o.Sold = append(o.Sold, o.Sold[0]) }, says: "one name"},
		"two architectures":      {options: func(o *gcp.VMOptions) { o.Sold[0].Types = gcp.Known("e2-standard-4", "t2a-standard-2") }, says: "one image"},
		"a type above the price": {options: func(o *gcp.VMOptions) { o.Sold[0].Types[0].PerHour = 9 }, says: "limits"},
		"an offer without types": {options: func(o *gcp.VMOptions) { o.Sold[0].Types = nil }, says: "no machine type"},
		"a setup that is long":   {launch: func(l *providers.Launch) { l.Setup = strings.Repeat("x", 300000) }, says: "more than Compute Engine takes"},
	} {
		t.Run(what, func(t *testing.T) {
			cloud := newCompute()
			o := vmOptions(cloud)
			l := launchOf(t, gcp.VMs(o), "a", 1)
			if c.options != nil {
				c.options(&o)
			}
			if c.launch != nil {
				c.launch(&l)
			}
			_, err := gcp.VMs(o).Launch(t.Context(), l)
			isError(t, err, providers.ErrInvalid, c.says)
			if len(cloud.Calls()) != 0 {
				t.Errorf("called: %v", cloud.Calls())
			}
		})
	}
}

// The default is the table, all of it on demand and each row with its source. Half a minute is billed
// as one.
func TestPricesOfVMs(t *testing.T) {
	offers, err := gcp.VMs(gcp.VMOptions{Project: project, Zones: []string{home}}).Offers(t.Context())
	if err != nil || len(offers) != len(gcp.Types()) {
		t.Fatalf("%v, %v", offers, err)
	}
	for i, row := range gcp.Types() {
		o := offers[i]
		if row.Source == "" || o.Validate() != nil || o.Name != row.Name || o.PerHour != row.PerHour || o.Arch != row.Arch || o.Market != provisioner.OnDemand {
			t.Errorf("%+v is sold as %+v", row, o)
		}
	}
	if got, want := offers[0].Cost(30*time.Second), 0.134/60; got < want*(1-1e-9) || got > want*(1+1e-9) {
		t.Errorf("%v dollars, want %v", got, want)
	}
	if _, err := time.Parse(time.DateOnly, gcp.Priced); err != nil {
		t.Error(err)
	}
}
