package mock_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/mock"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/simulate"
	"github.com/serflow/serflow-go/stage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var size = provisioner.FunctionOffer{Name: "1 GB", MemoryMB: 1024, PerCall: 0.5, PerGBSecond: 1}

// script is a world in which launches go as they are listed, and functions as in World.
type script struct {
	mock.World
	launches []simulate.Launch
}

func (s *script) Launch(time.Duration, provisioner.VMOffer, int) simulate.Launch {
	next := s.launches[0]
	s.launches = s.launches[1:]
	return next
}

// stays is a VM that nothing happens to.
func stays(boot time.Duration) simulate.Life {
	return simulate.Life{Boot: boot, Notice: never, Lost: never}
}

func open(t *testing.T, o mock.Options) *mock.Provider {
	t.Helper()
	o.VMs, o.Functions = []provisioner.VMOffer{offer, spot}, []provisioner.FunctionOffer{size}
	p, err := mock.Open(o)
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

// bubble runs a test in which hours take no time. It does not end before all that the
// test has started has ended.
func bubble(t *testing.T, f func(t *testing.T, ctx context.Context)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, t.Context()) })
}

func launch(token string, vms int) providers.Launch {
	return providers.Launch{Token: token, Owner: "shop", Offer: offer, Stages: stage.Range{First: 0, Last: 2}, VMs: vms, Artifact: "worker"}
}

func ids(instances []providers.Instance) (list []string) {
	for _, x := range instances {
		list = append(list, x.ID)
	}
	return list
}

func TestAccountByHand(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		p := open(t, mock.Options{World: &script{launches: []simulate.Launch{
			{VMs: []simulate.Life{stays(0), stays(0)}},
			{VMs: []simulate.Life{{Boot: never, Notice: never, Lost: 30 * time.Minute}}},
		}}})
		for _, token := range []string{"a", "b"} {
			if _, err := p.VMs().Launch(ctx, launch(token, 2)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(10 * time.Second)
		if err := p.VMs().End(ctx, "vm-1"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour - 10*time.Second)
		// vm-1 is billed for its minimum of a minute, vm-2 for the hour, vm-3 until it was lost.
		want := mock.Account{VMs: 3, Lived: 90*time.Minute + 10*time.Second, VMDollars: 0.36/60 + 0.36 + 0.18}
		check := func() {
			t.Helper()
			got := p.Account()
			if d := got.VMDollars - want.VMDollars; d > 1e-12 || d < -1e-12 {
				t.Errorf("%v dollars, want %v", got.VMDollars, want.VMDollars)
			}
			got.VMDollars = want.VMDollars
			if got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
		}
		check()
		p.Close()
		time.Sleep(time.Hour)
		check()
	})
}

func TestClosed(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		hours := simulate.Launch{Answer: never, VMs: []simulate.Life{stays(0), stays(time.Hour)}}
		started, ended := 0, 0
		p := open(t, mock.Options{
			World: &script{launches: []simulate.Launch{hours}},
			VM: func(ctx context.Context, _ providers.Instance) {
				started++
				<-ctx.Done()
				ended++
			},
		})
		fn, err := p.Functions().Ensure(ctx, providers.FunctionSpec{Owner: "shop", Offer: size})
		if err != nil {
			t.Fatal(err)
		}
		waiting := make(chan error, 1)
		go func() {
			_, err := p.VMs().Launch(ctx, launch("a", 2))
			waiting <- err
		}()
		notices := p.VMs().Notices(ctx)
		synctest.Wait()
		p.Close()
		if started != 1 || ended != 1 {
			t.Errorf("%d VMs had booted and %d have ended, want 1", started, ended)
		}
		if _, open := <-notices; open {
			t.Error("a notice from a closed provider")
		}
		if _, open := <-p.VMs().Notices(ctx); open {
			t.Error("a notice from a closed provider")
		}
		unavailable(t, "the launch that waited", <-waiting)
		for name, err := range everything(ctx, p, fn.ID) {
			unavailable(t, name, err)
		}
	})
}

// everything is the errors of all operations, by name.
func everything(ctx context.Context, p *mock.Provider, function string) map[string]error {
	errs := map[string]error{}
	_, errs["offers"] = p.VMs().Offers(ctx)
	_, errs["launch"] = p.VMs().Launch(ctx, launch("everything", 1))
	errs["end"] = p.VMs().End(ctx, "vm-1")
	_, errs["list"] = p.VMs().List(ctx, "shop")
	_, errs["function offers"] = p.Functions().Offers(ctx)
	_, errs["ensure"] = p.Functions().Ensure(ctx, providers.FunctionSpec{Owner: "shop", Offer: size})
	_, errs["invoke"] = p.Functions().Invoke(ctx, function, nil)
	errs["remove"] = p.Functions().Remove(ctx, function)
	_, errs["list functions"] = p.Functions().List(ctx, "shop")
	return errs
}

func unavailable(t *testing.T, what string, err error) {
	t.Helper()
	isError(t, what, err, providers.ErrUnavailable)
}

func isError(t *testing.T, what string, err, want error) {
	t.Helper()
	var e *providers.Error
	if !errors.Is(err, want) || !errors.As(err, &e) || e.Provider != "mock" || e.Op == "" {
		t.Errorf("%s: %v, want a *providers.Error with %v", what, err, want)
	}
}

func TestNothingBeginsWhenTheContextIsOver(t *testing.T) {
	p := open(t, mock.Options{})
	fn, err := p.Functions().Ensure(t.Context(), providers.FunctionSpec{Owner: "shop", Offer: size})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, err := range everything(ctx, p, fn.ID) {
		isError(t, name, err, context.Canceled)
	}
	if _, open := <-p.VMs().Notices(ctx); open {
		t.Error("a notice")
	}
	if got := p.Account(); got != (mock.Account{}) {
		t.Errorf("%+v", got)
	}
	if list, err := p.Functions().List(t.Context(), "shop"); len(list) != 1 || err != nil {
		t.Errorf("%v, %v: the function has gone", list, err)
	}
}

// Programs use a provider from many goroutines; the race detector watches.
func TestConcurrentUse(t *testing.T) {
	world := newWorld(t, mock.Config{HalfGranted: 0.5, Crashes: 1e6, Interruptions: 1e6, Notice: time.Microsecond})
	p := open(t, mock.Options{World: world, VM: func(ctx context.Context, _ providers.Instance) { <-ctx.Done() }})
	ctx, cancel := context.WithCancel(t.Context())
	fn, err := p.Functions().Ensure(ctx, providers.FunctionSpec{Owner: "shop", Offer: size})
	if err != nil {
		t.Fatal(err)
	}
	var all, readers sync.WaitGroup
	readers.Go(func() {
		for range p.VMs().Notices(ctx) {
		}
	})
	for i := range 8 {
		all.Go(func() {
			for j := range 20 {
				l := launch(fmt.Sprint(i, "-", j/2), 3)
				l.Offer = spot
				vms, err := p.VMs().Launch(ctx, l)
				if err != nil {
					t.Error(err)
				}
				for _, vm := range vms[:len(vms)/2] {
					if err := p.VMs().End(ctx, vm.ID); err != nil {
						t.Error(err)
					}
				}
				if _, err := p.Functions().Invoke(ctx, fn.ID, []byte{1}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	cancel()
	readers.Wait()
	p.Close()
	if a := p.Account(); a.Calls != 160 || a.VMs < 80 || a.VMs > 240 {
		t.Errorf("%+v: 80 launches of 1 to 3 VMs, and 160 calls", a)
	}
}
