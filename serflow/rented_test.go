package serflow_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"testing"
	"time"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/providers/local"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
)

// rentedModel has three stages; the first value of a sample says at which a request leaves:
// where its logits are sure.
var rentedModel = stage.NewModel("depths",
	stage.New("a", stage.Func("1", depth(0)), exit.MaxProb(0.9)),
	stage.New("b", stage.Func("1", depth(1)), exit.MaxProb(0.9)),
	stage.New("c", stage.Func("1", depth(2)), exit.Final()),
)

// What the last value of a sample asks of the first stage.
const (
	panics = 5
	hangs  = 6 // and heeds nothing
)

// What the third value asks for: that the last stage says something else than those before it,
// or all do but the first.
const (
	misleads      = 7
	misleadsFirst = 8
)

// The second value is how many milliseconds the first stage takes.
func depth(k int) stage.RunFunc {
	return func(ctx context.Context, rows int, in []stage.Tensor) ([]stage.Tensor, error) {
		x, err := stage.Data[float32](in[0])
		if err != nil {
			return nil, fmt.Errorf("%w: %v", stage.ErrInput, err)
		}
		if in[0].Name != "x" || len(x) != 4*rows {
			return nil, fmt.Errorf("%w: want x of 4 values", stage.ErrInput)
		}
		logits := make([]float32, 2*rows)
		for i := range rows {
			if wait := x[4*i+1]; k == 0 && wait > 0 {
				select {
				case <-time.After(time.Duration(wait) * time.Millisecond):
				case <-ctx.Done():
					return nil, ctx.Err()
				}
			}
			switch x[4*i+3] {
			case panics:
				panic("boom")
			case hangs:
				select {}
			}
			if int(x[4*i]) <= k {
				logits[2*i+1] = 10
			}
			if k == 2 && x[4*i+2] == misleads || k >= 1 && x[4*i+2] == misleadsFirst {
				logits[2*i] = 20
			}
		}
		return []stage.Tensor{stage.Float32("x", []int64{int64(rows), 4}, x), stage.Float32(stage.Logits, []int64{int64(rows), 2}, logits)}, nil
	}
}

func sampleOf(leaves int) stage.Tensor { return slowSample(leaves, 0) }

func slowSample(leaves, milliseconds int) stage.Tensor {
	return stage.Float32("x", []int64{4}, []float32{float32(leaves), float32(milliseconds), 3, 4})
}

// sampleThat asks for something.
func sampleThat(does float32) stage.Tensor {
	return stage.Float32("x", []int64{4}, []float32{0, 0, 3, does})
}

var (
	vmOffer       = provisioner.VMOffer{Name: "vm", VCPUs: 1, PerHour: 0.36}
	functionOffer = provisioner.FunctionOffer{Name: "function", MemoryMB: 1769, PerCall: 2e-7, PerGBSecond: 1.66667e-5}
)

func openLocal(t *testing.T, o local.Options) *local.Provider {
	t.Helper()
	o.Program = local.Self
	if o.VMs == nil {
		o.VMs = []local.VM{{Offer: vmOffer}}
	}
	if o.Functions == nil {
		o.Functions = []local.Function{{Offer: functionOffer}}
	}
	if testing.Verbose() {
		o.Log = os.Stderr
	}
	cloud, err := local.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cloud.Close(); err != nil {
			t.Error(err)
		}
	})
	return cloud
}

func openRented(t *testing.T, cloud *local.Provider, options ...serflow.Option) *serflow.Pipeline {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	log := slog.New(slog.DiscardHandler)
	if testing.Verbose() {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	p, err := serflow.Open(ctx, rentedModel, append([]serflow.Option{
		serflow.On(cloud.VMs(), cloud.Functions()), serflow.Owner("test"), serflow.Limits(provisioner.Limits{VMs: 3, PerHour: 10, PerDay: 10}), serflow.Log(log),
	}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func vmsAndFunctions(vms int) provisioner.Plan {
	all := stage.Range{Last: 2}
	return provisioner.Plan{
		VMs:       []provisioner.VMGroup{{Stages: all, Offer: vmOffer, VMs: vms}},
		Functions: []provisioner.FunctionGroup{{Stages: all, Offer: functionOffer, Cold: 10 * time.Second}},
	}
}

func check(t *testing.T, p *serflow.Pipeline, leaves int) serflow.Result {
	t.Helper()
	r, err := p.Infer(context.Background(), sampleOf(leaves))
	if err != nil {
		t.Fatal(err)
	}
	if class := 1; r.Exit != leaves || r.Class != class {
		t.Fatalf("it left at %d with class %d, want %d and %d: %+v", r.Exit, r.Class, leaves, class, r)
	}
	y, err := stage.Data[float32](r.Output(stage.Logits))
	if err != nil || len(y) != 2 || y[1] != 10 {
		t.Fatalf("logits %v, %v", y, err)
	}
	return r
}

// Requests go to subprocesses and come back as they would in process.
func TestServesOnSubprocesses(t *testing.T) {
	cloud := openLocal(t, local.Options{})
	p := openRented(t, cloud, serflow.Plan(vmsAndFunctions(1)))
	for leaves := range 3 {
		r := check(t, p, leaves)
		if len(r.Path) != 1 || r.Path[0].Group != "a..c" || r.Path[0].Provider != "local" || r.Path[0].Last != leaves || r.Dollars <= 0 {
			t.Errorf("path %+v, %g dollars", r.Path, r.Dollars)
		}
	}
	_, err := p.Infer(context.Background(), stage.Float32("y", []int64{4}, make([]float32, 4)))
	var e *serflow.Error
	if !errors.As(err, &e) || !errors.Is(err, serflow.ErrInput) || e.Provider != "local" || e.Stage != "a" {
		t.Errorf("a wrong name: %v", err)
	}
	results, err := p.InferBatch(context.Background(), stage.Float32("x", []int64{3, 4}, []float32{2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0}))
	if err != nil || len(results) != 3 || results[0].Exit != 2 || results[1].Exit != 0 || results[2].Exit != 1 {
		t.Errorf("a batch: %+v, %v", results, err)
	}
}

// A successor with the same credential serves on with the same processes.
func TestAdoptsSubprocesses(t *testing.T) {
	cloud := openLocal(t, local.Options{})
	options := []serflow.Option{serflow.Plan(vmsAndFunctions(2)), serflow.Credential("0123456789abcdef")}
	first := openRented(t, cloud, options...)
	waitFor(t, "two VMs", func() bool { return ready(first) == 2 })
	pids := cloud.PIDs()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := openRented(t, cloud, options...)
	waitFor(t, "the same two VMs", func() bool { return ready(second) == 2 })
	if now := cloud.PIDs(); !maps.Equal(now, pids) {
		t.Errorf("processes %v, then %v", pids, now)
	}
	for i := range 9 {
		check(t, second, i%3)
	}
	if err := second.Teardown(context.Background()); err != nil || len(cloud.PIDs()) > 0 {
		t.Errorf("%v; processes %v", err, cloud.PIDs())
	}
}

// ready is how many VMs serve.
func ready(p *serflow.Pipeline) (n int) {
	for _, vm := range p.Stats().VMs {
		if vm.State == "ready" {
			n++
		}
	}
	return n
}

func waitFor(t *testing.T, what string, is func() bool) {
	t.Helper()
	for range 3000 {
		if is() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("no %s within half a minute", what)
}
