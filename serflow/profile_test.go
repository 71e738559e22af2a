package serflow_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/local"
	"github.com/serflow/serflow-go/providers/mock"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/worker/queue"
)

// kept is a Store in memory.
type kept struct {
	data  []byte
	saves int
}

func (k *kept) Load(context.Context) ([]byte, error) {
	if k.data == nil {
		return nil, fs.ErrNotExist
	}
	return k.data, nil
}

func (k *kept) Save(_ context.Context, data []byte) error {
	k.data, k.saves = bytes.Clone(data), k.saves+1
	return nil
}

func manySamples(n int) (samples [][]stage.Tensor) {
	for i := range n {
		samples = append(samples, []stage.Tensor{sampleOf(i % 3)})
	}
	return samples
}

// gaining are batches that gain at stage b only.
func gaining(k, rows int) time.Duration {
	if k == 1 {
		return time.Duration(9+rows) * time.Millisecond
	}
	return time.Duration(10*rows) * time.Millisecond
}

// profiled is a cloud whose VMs and functions take times of their own.
func profiled(t *testing.T) *skies {
	s := newSkies(t, rentedModel, &mock.Config{Boot: mock.Spread{Median: 30 * time.Second}, Cold: mock.Spread{Median: 2 * time.Second}})
	s.workerOf = func(providers.Instance) *plainWorker {
		w := newPlainWorker(rentedModel)
		w.batches = gaining
		return w
	}
	s.functions.times = func(k int) time.Duration { return time.Duration(k+1) * time.Millisecond }
	return s
}

func TestProfile(t *testing.T) {
	const ms = time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		s, store := profiled(t), &kept{}
		defer s.closed(t, nil)
		s.onVM = func(context.Context, string) error { time.Sleep(4 * ms); return nil } // on the way
		s.onCall = func() error { time.Sleep(5 * ms); return nil }                      // billed
		var last serflow.ProfileProgress
		d, err := serflow.Profile(t.Context(), rentedModel, manySamples(32), serflow.Profiling{Store: store, VMs: 2, Progress: func(p serflow.ProfileProgress) {
			if p.Done < last.Done || p.All != 32+16+8+4+2+32 {
				t.Errorf("%+v after %+v", p, last)
			}
			last = p
		}}, s.options()...)
		if err != nil || last.Done != last.All {
			t.Fatalf("%+v, %v", last, err)
		}
		p, err := d.Profile(vmOffer.Name)
		if err != nil {
			t.Fatal(err)
		}
		for k := range 3 {
			for _, rows := range []int{1, 2, 4, 8, 16} {
				if got := p.Mean(k, rows); got != gaining(k, rows) || !d.Has(vmOffer.Name, rows) {
					t.Errorf("stage %d, %d rows: %v, want %v", k, rows, got, gaining(k, rows))
				}
			}
		}
		f, err := d.Profile(functionOffer.Name)
		if err != nil || f.Mean(2, 1) != 3*ms || d.Has(functionOffer.Name, 2) {
			t.Errorf("the function: %v, %v", f, err)
		}
		vm, function := d.Offers[vmOffer.Name], d.Offers[functionOffer.Name]
		if len(vm.Boot) != 2 || vm.Boot.Mean() < 30*time.Second || vm.Boot.Mean() > 40*time.Second || vm.MemoryMB != 200 || vm.Slots != 1 || vm.Way != profile.Duration(2*ms) {
			t.Errorf("a VM: %+v", vm)
		}
		if len(function.Cold) != 1 || function.Cold.Mean() != 2*time.Second || function.Overhead != profile.Duration(5*ms) {
			t.Errorf("a function: %+v", function)
		}
		if into := d.Bytes.Into; len(into) != 3 || slices.Min(into) < 16 || slices.Max(into) > 1000 || d.Bytes.Answer < 24 {
			t.Errorf("%+v", d.Bytes)
		}
		if vms, err := s.Provider.VMs().List(t.Context(), "test"); err != nil || len(vms) > 0 {
			t.Errorf("left: %+v, %v", vms, err)
		}
		if saved, err := profile.ReadDocument(bytes.NewReader(store.data)); err != nil || !saved.Has(vmOffer.Name, 16) || !saved.Has(functionOffer.Name, 1) {
			t.Errorf("saved: %v", err)
		}
		mustPlan(t, d)
	})
}

// mustPlan goes from the document to a plan: VMs in batches where these pay.
func mustPlan(t *testing.T, d *profile.Document) {
	t.Helper()
	d.Reach = profile.ReachOf(profile.FromValidation, []float64{0.5, 0.3, 0.2})
	ask, err := planner.AskOf(d, []provisioner.VMOffer{vmOffer}, []provisioner.FunctionOffer{functionOffer})
	if err != nil {
		t.Fatal(err)
	}
	ask.SLO, ask.Traffic = planner.SLO{Latency: time.Second}, planner.Steady(100, 10)
	var p planner.Planner
	r, err := p.Plan(ask)
	if err != nil || len(r.Plan.Functions) == 0 {
		t.Fatalf("%+v, %v", r, err)
	}
}

// What was broken off is gone on with: only what is missing is measured.
func TestProfileResumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, store := profiled(t), &kept{}
		defer s.closed(t, nil)
		ctx, cancel := context.WithCancel(t.Context())
		o := serflow.Profiling{Store: store, Offers: []string{vmOffer.Name}, Batches: []int{4, 1, 2}}
		o.Progress = func(p serflow.ProfileProgress) {
			if p.Rows == 2 {
				cancel()
			}
		}
		d, err := serflow.Profile(ctx, rentedModel, manySamples(8), o, s.options()...)
		if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), `offer "vm"`) || !d.Has(vmOffer.Name, 1) || d.Has(vmOffer.Name, 2) {
			t.Fatalf("%+v, %v", d, err)
		}
		if vms, err := s.Provider.VMs().List(t.Context(), "test"); err != nil || len(vms) > 0 {
			t.Errorf("left: %+v, %v", vms, err)
		}
		o.Progress = func(p serflow.ProfileProgress) {
			if p.Rows == 1 || p.All != 4+2 {
				t.Errorf("%+v", p)
			}
		}
		again, err := serflow.Profile(t.Context(), rentedModel, manySamples(8), o, s.options()...)
		if err != nil || !again.Has(vmOffer.Name, 4) {
			t.Fatal(err)
		}
		for k, entry := range again.Offers[vmOffer.Name].Times {
			if n := len(entry.Batches[0].Samples); n != 8 || entry.Stage != rentedModel.Stages[k].Name {
				t.Errorf("%+v: %d samples", entry, n)
			}
		}
		saves := store.saves
		s.hook(func(_ int, op string) error {
			if op == "launch" {
				t.Error("something is launched, and nothing is missing")
			}
			return nil
		}, nil)
		if _, err := serflow.Profile(t.Context(), rentedModel, manySamples(8), o, s.options()...); err != nil || store.saves != saves {
			t.Errorf("%d saves more, %v", store.saves-saves, err)
		}
	})
}

// Batches that an SLO leaves no time for are not measured.
func TestProfileWithinSLO(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := profiled(t)
		defer s.closed(t, nil)
		var last serflow.ProfileProgress
		o := serflow.Profiling{Offers: []string{vmOffer.Name}, Progress: func(p serflow.ProfileProgress) { last = p }}
		// Four rows take 40+13+40 ms, and eight would be of no use.
		d, err := serflow.Profile(t.Context(), rentedModel, manySamples(16), o, s.options(serflow.SLO(150*time.Millisecond))...)
		if err != nil || !d.Has(vmOffer.Name, 4) || d.Has(vmOffer.Name, 8) || last.Done != 16+8+4 {
			t.Errorf("%+v, %v", last, err)
		}
	})
}

func TestProfileRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := profiled(t)
		defer s.closed(t, nil)
		other := &kept{data: []byte(`{"version":1,"fingerprint":"7b0c","stages":["a","b","c"]}`)}
		for name, c := range map[string]struct {
			samples int
			o       serflow.Profiling
			options []serflow.Option
			want    error
		}{
			"in process":       {1, serflow.Profiling{}, nil, serflow.ErrInput},
			"no samples":       {0, serflow.Profiling{}, s.options(), serflow.ErrInput},
			"no single rows":   {1, serflow.Profiling{Batches: []int{2}}, s.options(), serflow.ErrInput},
			"a size twice":     {1, serflow.Profiling{Batches: []int{1, 1}}, s.options(), serflow.ErrInput},
			"fewer than none":  {1, serflow.Profiling{VMs: -1}, s.options(), serflow.ErrInput},
			"an unknown offer": {1, serflow.Profiling{Offers: []string{"gpu"}}, s.options(), providers.ErrNotFound},
			"another model":    {1, serflow.Profiling{Store: other}, s.options(), profile.ErrProfile},
			"no profile":       {1, serflow.Profiling{Store: &kept{data: []byte("{}")}}, s.options(), profile.ErrProfile},
			"no limits":        {1, serflow.Profiling{}, s.options(serflow.Limits(provisioner.Limits{})), serflow.ErrLimit},
		} {
			if _, err := serflow.Profile(t.Context(), rentedModel, manySamples(c.samples), c.o, c.options...); !errors.Is(err, c.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// A file that cannot be gone on with is named, and left alone.
func TestProfileNamesItsFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := profiled(t)
		defer s.closed(t, nil)
		file := filepath.Join(t.TempDir(), "broken.json")
		if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := serflow.Profile(t.Context(), rentedModel, manySamples(1), serflow.Profiling{Store: serflow.File(file)}, s.options()...)
		if !errors.Is(err, profile.ErrProfile) || !strings.Contains(err.Error(), file) {
			t.Error(err)
		}
		s.hook(func(_ int, op string) error { t.Errorf("%s, for a profile that cannot be saved", op); return nil }, nil)
		nowhere := filepath.Join(t.TempDir(), "none", "profile.json")
		if _, err := serflow.Profile(t.Context(), rentedModel, manySamples(1), serflow.Profiling{Store: serflow.File(nowhere)}, s.options()...); err == nil || !strings.Contains(err.Error(), nowhere) {
			t.Error(err)
		}
		if left, _ := os.ReadFile(file); string(left) != "{" {
			t.Errorf("the file is %q now", left)
		}
	})
}

// On subprocesses a batch that is measured is one that ran: the workers tell.
func TestProfileOnSubprocesses(t *testing.T) {
	cloud := openLocal(t, local.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	d, err := serflow.Profile(ctx, rentedModel, manySamples(16), serflow.Profiling{Batches: []int{1, 8}},
		serflow.On(cloud.VMs(), cloud.Functions()), serflow.Owner("profile"), serflow.Limits(provisioner.Limits{VMs: 1, PerHour: 1, PerDay: 1}))
	if err != nil {
		t.Fatal(err)
	}
	vm := d.Offers[vmOffer.Name]
	if !d.Has(vmOffer.Name, 8) || !d.Has(functionOffer.Name, 1) || len(vm.Boot) != 1 || len(d.Offers[functionOffer.Name].Cold) == 0 || d.Bytes == nil {
		t.Errorf("%+v, %+v", vm, d.Offers[functionOffer.Name])
	}
}

// A service whose profile says that batches pay at a stage has its workers run them there.
func TestBatchesFollowTheProfile(t *testing.T) {
	d := &profile.Document{Version: 1, Stages: []string{"a", "b", "c"}, Offers: map[string]*profile.Offer{vmOffer.Name: {Times: []profile.StageTimes{
		{Spread: profile.Spread{Mean: profile.Duration(10 * time.Millisecond)}},
		{Stage: "b", Spread: profile.Spread{Mean: profile.Duration(10 * time.Millisecond)}, Gain: 4},
	}}}}
	times, err := d.Profile(vmOffer.Name)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, nil)
		p := s.open(t, serflow.Times(vmOffer.Name, times)) // and no Plan
		defer s.closed(t, p)
		waitUntil(t, "the VM", func() bool { return ready(p) == 1 })
		for _, setup := range s.setups {
			for k, want := range []int{1, 16, 1} {
				if got := queue.Worth(setup.Curve[k][:min(len(setup.Curve[k]), setup.MaxBatch)]); got != want {
					t.Errorf("stage %d runs batches of up to %d, want %d", k, got, want)
				}
			}
		}
	})
}

func TestStatsReach(t *testing.T) {
	p := open(t, rentedModel)
	if got := p.Stats().Reach(); got != nil {
		t.Errorf("%v before the first request", got)
	}
	for _, leaves := range []int{0, 0, 1, 2} {
		if _, err := p.Infer(t.Context(), sampleOf(leaves)); err != nil {
			t.Fatal(err)
		}
	}
	if got := p.Stats().Reach(); !slices.Equal(got, []float64{1, 0.5, 0.25}) {
		t.Errorf("%v", got)
	}
}
