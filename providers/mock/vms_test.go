package mock_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/mock"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/simulate"
)

func TestOffers(t *testing.T) {
	p := open(t, mock.Options{})
	vms, err := p.VMs().Offers(t.Context())
	if err != nil || !slices.Equal(vms, []provisioner.VMOffer{offer, spot}) {
		t.Errorf("%v, %v", vms, err)
	}
	functions, err := p.Functions().Offers(t.Context())
	if err != nil || !slices.Equal(functions, []provisioner.FunctionOffer{size}) {
		t.Errorf("%v, %v", functions, err)
	}
}

// A VM is listed with all that its launch said from the launch on, and runs once it has
// booted, until it ends.
func TestTheLifeOfAVM(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		var booted, ended time.Duration
		began := time.Now()
		p := open(t, mock.Options{
			World: newWorld(t, mock.Config{Boot: mock.Spread{Median: time.Minute}, Answer: mock.Spread{Median: time.Second}}),
			VM: func(ctx context.Context, vm providers.Instance) {
				booted = time.Since(vm.Launched)
				<-ctx.Done()
				ended = time.Since(vm.Launched)
			},
		})
		l := launch("a", 1)
		vms, err := p.VMs().Launch(ctx, l)
		if err != nil || len(vms) != 1 || time.Since(began) != time.Second {
			t.Fatalf("%v, %v after %v, want one VM after a second", vms, err, time.Since(began))
		}
		want := providers.Instance{
			ID: "vm-1", Token: "a", Owner: "shop", Address: "vm-1.mock",
			Offer: l.Offer, Stages: l.Stages, Artifact: l.Artifact, Launched: began,
		}
		if vms[0] != want {
			t.Errorf("%+v, want %+v", vms[0], want)
		}
		if list, err := p.VMs().List(ctx, "shop"); err != nil || !slices.Equal(list, vms) {
			t.Errorf("%v, %v", list, err)
		}
		if list, err := p.VMs().List(ctx, "other"); err != nil || len(list) != 0 {
			t.Errorf("another owner has %v, %v", list, err)
		}
		time.Sleep(99 * time.Second)
		for range 2 { // ending what has ended is no error
			if err := p.VMs().End(ctx, "vm-1"); err != nil {
				t.Error(err)
			}
		}
		synctest.Wait()
		if booted != time.Minute || ended != 100*time.Second {
			t.Errorf("booted after %v and ended after %v", booted, ended)
		}
		if list, _ := p.VMs().List(ctx, "shop"); len(list) != 0 {
			t.Errorf("%v is still there", list)
		}
	})
}

func TestVMsThatNeverRegisterAreListed(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		p := open(t, mock.Options{
			World: newWorld(t, mock.Config{Unregistered: 1}),
			VM:    func(context.Context, providers.Instance) { t.Error("it has booted") },
		})
		if _, err := p.VMs().Launch(ctx, launch("a", 2)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(24 * time.Hour)
		if list, err := p.VMs().List(ctx, "shop"); len(list) != 2 || err != nil {
			t.Errorf("%v, %v", list, err)
		}
	})
}

func TestATokenLaunchesOnce(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		answers := []simulate.Launch{
			{VMs: []simulate.Life{stays(0), stays(0)}},
			{VMs: []simulate.Life{stays(0)}},
		}
		p := open(t, mock.Options{World: &script{launches: answers}})
		ask := func(l providers.Launch, want ...string) {
			t.Helper()
			if got, err := p.VMs().Launch(ctx, l); err != nil || !slices.Equal(ids(got), want) {
				t.Errorf("token %q: %v, %v; want %v", l.Token, ids(got), err, want)
			}
		}
		ask(launch("a", 3), "vm-1", "vm-2")
		ask(launch("a", 3), "vm-1", "vm-2")
		p.VMs().End(ctx, "vm-1")
		ask(launch("a", 3), "vm-2")
		p.VMs().End(ctx, "vm-2")
		ask(launch("a", 3)) // all have ended, and none is launched again
		ask(launch("b", 3), "vm-3")
		_, err := p.VMs().Launch(ctx, launch("b", 4))
		isError(t, "a token of another launch", err, providers.ErrInvalid)
		told := launch("b", 3)
		told.Setup = "secret"
		_, err = p.VMs().Launch(ctx, told)
		isError(t, "a token of a launch with another setup", err, providers.ErrInvalid)
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%v: it tells the setup", err)
		}
	})
}

func TestALostAnswerLeavesVMs(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		p := open(t, mock.Options{World: newWorld(t, mock.Config{LostAnswers: 1})})
		patient, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		began := time.Now()
		vms, err := p.VMs().Launch(patient, launch("a", 2))
		isError(t, "no answer", err, context.DeadlineExceeded)
		if len(vms) != 0 || time.Since(began) != time.Minute || providers.Refused(err) {
			t.Errorf("%v after %v, refused %v", vms, time.Since(began), providers.Refused(err))
		}
		if list, err := p.VMs().List(ctx, "shop"); err != nil || !slices.Equal(ids(list), []string{"vm-1", "vm-2"}) {
			t.Errorf("listed: %v, %v", list, err)
		}
		if again, err := p.VMs().Launch(ctx, launch("a", 2)); err != nil || !slices.Equal(ids(again), []string{"vm-1", "vm-2"}) {
			t.Errorf("asked again: %v, %v", again, err)
		}
	})
}

// Refused launches answer late too, and stay refused: the answer to the first ask may come
// after that to the second, and is still true then.
func TestInsufficientCapacity(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		p := open(t, mock.Options{World: newWorld(t, mock.Config{
			Answer: mock.Spread{Median: 5 * time.Second}, Outages: []mock.Window{{To: time.Minute}},
		})})
		_, err := p.VMs().Launch(ctx, launch("a", 1))
		isError(t, "an outage", err, providers.ErrInsufficientCapacity)
		if p.Account().VMs != 0 {
			t.Error("a VM has come of it")
		}
		time.Sleep(time.Minute - 5*time.Second)
		began := time.Now()
		_, err = p.VMs().Launch(ctx, launch("a", 1))
		isError(t, "asked again after the outage", err, providers.ErrInsufficientCapacity)
		if time.Since(began) != 0 || p.Account().VMs != 0 {
			t.Errorf("answered after %v with %d VMs", time.Since(began), p.Account().VMs)
		}
		_, err = p.VMs().Launch(ctx, launch("a", 2))
		isError(t, "a token of another launch", err, providers.ErrInvalid)
		if vms, err := p.VMs().Launch(ctx, launch("b", 1)); err != nil || len(vms) != 1 {
			t.Errorf("a new token: %v, %v", vms, err)
		}
	})
}

func TestLaunchesRefused(t *testing.T) {
	p := open(t, mock.Options{})
	_, err := p.VMs().Launch(t.Context(), launch("", 1))
	isError(t, "no token", err, providers.ErrInvalid)
	unknown := launch("a", 1)
	unknown.Offer.Name = "huge"
	_, err = p.VMs().Launch(t.Context(), unknown)
	isError(t, "an offer that is not sold", err, providers.ErrNotFound)
	if err := p.VMs().End(t.Context(), "vm-7"); err != nil {
		t.Errorf("ending what was never there: %v", err)
	}
}

// Every reader gets every notice from when it began to read, however slowly, and the
// VMs end when their notices say.
func TestNotices(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		life := func(notice time.Duration) simulate.Life {
			return simulate.Life{Notice: notice, Lost: notice + 2*time.Minute}
		}
		p := open(t, mock.Options{World: &script{launches: []simulate.Launch{
			{VMs: []simulate.Life{life(1 * time.Hour), life(2 * time.Hour), life(3 * time.Hour), stays(0)}},
		}}})
		began := time.Now()
		slow := p.VMs().Notices(ctx)
		left, cancel := context.WithCancel(ctx)
		gone := p.VMs().Notices(left)
		if _, err := p.VMs().Launch(ctx, launch("a", 4)); err != nil {
			t.Fatal(err)
		}
		if n := <-slow; n.ID != "vm-1" || time.Since(began) != time.Hour || !n.End.Equal(began.Add(time.Hour+2*time.Minute)) {
			t.Errorf("%+v after %v", n, time.Since(began))
		}
		late := p.VMs().Notices(ctx)
		cancel()
		for n := range gone { // at most the one that was on its way
			if n.ID != "vm-1" {
				t.Errorf("%+v for a reader that has left", n)
			}
		}
		time.Sleep(2*time.Minute - 1)
		if list, _ := p.VMs().List(ctx, "shop"); len(list) != 4 {
			t.Errorf("%v: vm-1 has ended early", ids(list))
		}
		time.Sleep(5 * time.Hour)
		for _, id := range []string{"vm-2", "vm-3"} {
			for _, reader := range []<-chan providers.Notice{slow, late} {
				if n := <-reader; n.ID != id {
					t.Errorf("%+v, want %s", n, id)
				}
			}
		}
		if list, _ := p.VMs().List(ctx, "shop"); !slices.Equal(ids(list), []string{"vm-4"}) {
			t.Errorf("%v: only vm-4 stays", ids(list))
		}
	})
}

func TestALaunchThatIsGivenUp(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		why := errors.New("a replan")
		p := open(t, mock.Options{World: newWorld(t, mock.Config{Answer: mock.Spread{Median: time.Hour}})})
		given, cancel := context.WithCancelCause(ctx)
		time.AfterFunc(time.Second, func() { cancel(why) })
		_, err := p.VMs().Launch(given, launch("a", 1))
		isError(t, "given up", err, context.Canceled)
		if list, _ := p.VMs().List(ctx, "shop"); len(list) != 1 {
			t.Errorf("%v", list)
		}
	})
}
