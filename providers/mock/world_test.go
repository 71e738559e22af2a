package mock_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/mock"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/simulate"
)

const never = provisioner.Never

var (
	offer = provisioner.VMOffer{Name: "small", PerHour: 0.36, Minimum: time.Minute}
	spot  = provisioner.VMOffer{Name: "spot", PerHour: 0.09, Market: provisioner.Spot}
)

func TestAPerfectCloud(t *testing.T) {
	want := simulate.Launch{VMs: []simulate.Life{{Notice: never, Lost: never}, {Notice: never, Lost: never}}}
	for name, w := range map[string]*mock.World{"zero world": {}, "zero config": newWorld(t, mock.Config{})} {
		if got := w.Launch(time.Hour, spot, 2); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v", name, got)
		}
		for i := range 3 {
			if cold, ok := w.Call(time.Hour, i, provisioner.FunctionOffer{}); cold != 0 || !ok {
				t.Errorf("%s: call %d: %v, %v", name, i, cold, ok)
			}
		}
	}
}

func TestOutagesRefuseAllLaunches(t *testing.T) {
	w := newWorld(t, mock.Config{Answer: mock.Spread{Median: 3 * time.Second}, Outages: []mock.Window{
		{From: time.Minute, To: 2 * time.Minute}, {From: time.Hour, To: 2 * time.Hour},
	}})
	for _, c := range []struct {
		at      time.Duration
		refused bool
	}{
		{time.Minute - 1, false}, {time.Minute, true}, {2*time.Minute - 1, true}, {2 * time.Minute, false}, {time.Hour, true}, {2 * time.Hour, false},
	} {
		l := w.Launch(c.at, offer, 2)
		if errors.Is(l.Err, providers.ErrInsufficientCapacity) != c.refused || (len(l.VMs) == 0) != c.refused || l.Answer != 3*time.Second {
			t.Errorf("at %v: %+v", c.at, l)
		}
	}
}

// What is drawn with a probability comes as often as it says, to four standard errors.
func TestProbabilities(t *testing.T) {
	const n = 20_000
	w := newWorld(t, mock.Config{Insufficient: 0.1, HalfGranted: 0.2, LostAnswers: 0.3, Unregistered: 0.4})
	var refused, granted, half, lost, vms, silent float64
	for range n {
		l := w.Launch(0, offer, 4)
		if l.Answer == never {
			lost++
		}
		if l.Err != nil {
			refused++
			continue
		}
		granted++
		if len(l.VMs) < 1 || len(l.VMs) > 4 {
			t.Fatalf("%d of 4 VMs", len(l.VMs))
		}
		if len(l.VMs) < 4 {
			half++
		}
		for _, life := range l.VMs {
			vms++
			if life.Boot == never {
				silent++
			}
		}
	}
	for name, c := range map[string]struct{ got, of, p float64 }{
		"Insufficient": {refused, n, 0.1}, "HalfGranted": {half, granted, 0.2}, "LostAnswers": {lost, n, 0.3}, "Unregistered": {silent, vms, 0.4},
	} {
		if math.Abs(c.got/c.of-c.p) > 4*math.Sqrt(c.p*(1-c.p)/c.of) {
			t.Errorf("%s: %v of %v, want %v", name, c.got, c.of, c.p)
		}
	}
	if l := newWorld(t, mock.Config{HalfGranted: 1}).Launch(0, offer, 1); len(l.VMs) != 1 {
		t.Errorf("a launch of one VM brought %d", len(l.VMs))
	}
}

// Two VMs in an hour are taken back, and one crashes: what comes first ends the VM.
func TestInterruptionsAndCrashes(t *testing.T) {
	const n = 50_000
	w := newWorld(t, mock.Config{Interruptions: 2, Crashes: 1, Notice: time.Minute})
	var hours, noticed, crashed float64
	for _, l := range w.Launch(0, spot, n).VMs {
		hours += l.Lost.Hours()
		switch {
		case l.Notice == never:
			crashed++
		case l.Lost > l.Notice+time.Minute || l.Lost <= l.Notice:
			t.Fatalf("notice at %v of an end at %v", l.Notice, l.Lost)
		default:
			noticed++
		}
	}
	// The notice comes first with probability 2/3, and then a crash within the minute
	// hardly ever shortens it: the mean life is 1/3 h + 2/3 of a minute.
	if got, want := hours/n, 1.0/3+2.0/3/60; math.Abs(got/want-1) > 0.03 {
		t.Errorf("VMs live %v h, want %v", got, want)
	}
	if got := noticed / n; math.Abs(got-2.0/3) > 0.01 {
		t.Errorf("%v had notice, want 2/3", got)
	}
	for _, l := range w.Launch(0, offer, n).VMs {
		if l.Notice != never {
			t.Fatal("notice to a VM that is not spot")
		}
	}
	l := newWorld(t, mock.Config{Interruptions: 2}).Launch(0, spot, 1).VMs[0]
	if l.Lost != l.Notice+2*time.Minute {
		t.Errorf("notice at %v of an end at %v: not two minutes", l.Notice, l.Lost)
	}
}

func TestSameSeedSameCloud(t *testing.T) {
	c := mock.Config{
		Boot: mock.Spread{Median: 1e9, P99: 3e9}, Answer: mock.Spread{Median: 1e6, P99: 1e9}, Cold: mock.Spread{Median: 1e8, P99: 1e9},
		Insufficient: 0.2, HalfGranted: 0.2, LostAnswers: 0.2, Unregistered: 0.2, Interruptions: 1, Crashes: 1,
	}
	a, b := newWorld(t, c), newWorld(t, c)
	for now := range time.Duration(200) {
		la, lb := a.Launch(now, spot, 3), b.Launch(now, spot, 3)
		if (la.Err == nil) != (lb.Err == nil) || la.Answer != lb.Answer || !reflect.DeepEqual(la.VMs, lb.VMs) {
			t.Fatalf("%+v and %+v", la, lb)
		}
		ca, _ := a.Call(now, 0, provisioner.FunctionOffer{})
		cb, _ := b.Call(now, 0, provisioner.FunctionOffer{})
		if ca != cb || ca == 0 {
			t.Fatalf("cold starts of %v and %v", ca, cb)
		}
	}
}

// Instances that are there from the start are warm until they expire.
func TestWarmFromTheStart(t *testing.T) {
	w, err := mock.NewWorld(mock.Config{Warm: 2, Cold: mock.Spread{Median: time.Second}, KeepAlive: time.Minute}, rand.New(rand.NewPCG(1, 1)))
	if err != nil {
		t.Fatal(err)
	}
	var colds []time.Duration
	for range 3 {
		cold, _ := w.Call(time.Second, 1, provisioner.FunctionOffer{})
		colds = append(colds, cold)
	}
	late, _ := w.Call(2*time.Minute, 0, provisioner.FunctionOffer{})
	if want := []time.Duration{0, 0, time.Second}; !slices.Equal(colds, want) || late != time.Second {
		t.Errorf("cold starts of %v, and %v after their time; want %v and 1s", colds, late, want)
	}
	if _, err := mock.NewWorld(mock.Config{Warm: -1}, nil); !errors.Is(err, mock.ErrConfig) {
		t.Errorf("a negative number: %v", err)
	}
}
