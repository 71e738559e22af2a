package gcp_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/serflow/serflow-go/internal/fakeaws"
	"github.com/serflow/serflow-go/internal/fakeaws/boot"
	"github.com/serflow/serflow-go/internal/fakegcp"
	"github.com/serflow/serflow-go/providers/gcp"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
)

// output is what VMs say.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

// realVMs is a cloud whose VMs are processes of this program: a shell runs their startup scripts, and a
// metadata server tells them that they are taken back.
func realVMs(t *testing.T) (*fakegcp.Cloud, gcp.VMOptions) {
	out := new(output)
	shell, err := boot.Shell(t.TempDir(), nil, out)
	if err != nil {
		t.Fatal(err)
	}
	cloud := fakegcp.New(fakegcp.Options{
		Project: project, Region: region, Zones: []string{home}, Images: []string{machineImage}, Types: map[string]float64{"e2-standard-4 spot": 0.05},
		Network: fmt.Sprintf("127.%d", 10+rand.IntN(200)), // each VM has an address of its own
		Boot: func(ctx context.Context, m fakegcp.Machine) {
			script := strings.Replace(m.Script, "export ", "export VM="+m.ID+" ", 1)
			_, name, _ := strings.Cut(m.ID, "/")
			shell(ctx, fakeaws.Machine{ID: name, Address: m.Address, UserData: script})
		},
	})
	metadata := httptest.NewServer(http.HandlerFunc(cloud.Metadata))
	t.Cleanup(func() {
		cloud.Close()
		metadata.CloseClientConnections()
		metadata.Close()
		if t.Failed() {
			t.Log(out.text.String())
		}
	})
	o := vmOptions(cloud)
	o.Sold, o.Zones, o.Port = []gcp.VM{gcp.Spot(0.05, spotE2)}, []string{home}, 10000+rand.IntN(20000) // not that of whoever listens on all addresses
	o.Command = "GCE_METADATA_HOST=" + strings.TrimPrefix(metadata.URL, "http://") + "/$VM " + os.Args[0]
	return cloud, o
}

// A VM that Google takes back says so while it still serves: its service sends it nothing more, rents
// another one and ends it, and no request fails.
func TestAPreemptedVMIsReplaced(t *testing.T) {
	cloud, o := realVMs(t)
	vms := gcp.VMs(o)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	offer := o.Sold[0].Offer
	p, err := serflow.Open(ctx, twoStages, serflow.On(vms, nil), serflow.Owner("shop"), serflow.Limits(provisioner.Limits{VMs: 3, PerHour: 1, PerDay: 1}),
		serflow.Plan(provisioner.Plan{VMs: []provisioner.VMGroup{{Stages: stage.Range{Last: 1}, Offer: offer, VMs: 2}}}), serflow.Heartbeat(200*time.Millisecond), serflow.State(nil))
	if err != nil {
		t.Fatal(err)
	}
	ask := func() string {
		r, err := p.Infer(ctx, stage.Float32("x", nil, []float32{2}))
		if err != nil || r.Exit != 1 {
			t.Fatalf("%+v, %v", r, err)
		}
		return r.Path[len(r.Path)-1].Place
	}
	for len(ready(p)) < 2 {
		ask()
	}
	first := ask()
	cloud.Notice(first)
	for gone := false; !gone; {
		ask()
		gone = true
		for _, id := range cloud.Running() {
			gone = gone && id != first
		}
	}
	for len(ready(p)) < 2 {
		ask()
	}
	if n := cloud.Launched(); n != 3 {
		t.Errorf("%d VMs were launched, want two and one for that which is taken back", n)
	}
	if err := p.Teardown(ctx); err != nil || len(cloud.Running()) != 0 {
		t.Errorf("%v, %v", cloud.Running(), err)
	}
}

// ready is the VMs that serve.
func ready(p *serflow.Pipeline) (ids []string) {
	for _, vm := range p.Stats().VMs {
		if vm.State == "ready" {
			ids = append(ids, vm.ID)
		}
	}
	return ids
}
