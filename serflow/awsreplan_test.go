package serflow_test

import (
	"context"
	"log/slog"
	"math"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/internal/fakeaws"
	"github.com/serflow/serflow-go/providers/aws"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
)

// halfSecond answers every row after half a second.
var halfSecond = stage.NewModel("half a second", stage.New("all", stage.Func("waits", func(ctx context.Context, rows int, _ []stage.Tensor) ([]stage.Tensor, error) {
	select {
	case <-time.After(500 * time.Millisecond):
		return []stage.Tensor{stage.Float32(stage.Logits, []int64{int64(rows), 2}, make([]float32, 2*rows))}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}), exit.Final()))

// risen is Lambda, whose first size costs three times as much from some day on.
type risen struct {
	*aws.Lambda
	is *atomic.Bool
}

func (r risen) Offers(ctx context.Context) ([]provisioner.FunctionOffer, error) {
	offers, err := r.Lambda.Offers(ctx)
	if err == nil && r.is.Load() {
		offers[0].PerGBSecond *= 3
	}
	return offers, err
}

// A pipeline that moves to another size of function while 20 requests are in flight meets no cold start there: only
// what warmed it has started sandboxes. No request is lost, and the bill has all calls.
func TestAReplanOnLambdaUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAmazon(t, halfSecond, fakeaws.Options{Init: 2 * time.Second})
		times, err := profile.Deterministic([]time.Duration{500 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		dear := aws.Type{Name: "c7g.large", Arch: "arm64", VCPUs: 2, MemoryGB: 4, PerHour: 500}
		sizes := aws.Sizes()
		sold := []provisioner.FunctionOffer{sizes[0], sizes[3]} // of one vCPU, on either architecture
		ask := &planner.Ask{
			VMs:       []planner.VM{{Offer: aws.OnDemand(dear).Offer, Times: times, Boot: time.Minute}},
			Functions: []planner.Function{{Offer: sold[0], Times: times, Cold: 2 * time.Second}, {Offer: sold[1], Times: times, Cold: 2 * time.Second}},
			SLO:       planner.SLO{Latency: 5 * time.Second}, Traffic: planner.Steady(40, 0), Reach: []float64{1},
		}
		var log told
		functions := risen{aws.Functions(aws.FunctionOptions{
			Sold: sold, Role: "arn:aws:iam::123456789012:role/worker", Code: "123456789012.dkr.ecr.us-east-1.amazonaws.com/worker:1", Config: a.config(),
		}), new(atomic.Bool)}
		p, err := serflow.Open(t.Context(), halfSecond,
			serflow.On(aws.VMs(aws.VMOptions{Sold: []aws.VM{aws.OnDemand(dear)}, Subnets: []string{"subnet-1"}, Image: "ami-1", Config: a.config()}), functions),
			serflow.Owner("shop"), serflow.Limits(provisioner.Limits{VMs: 3, PerHour: 2000, PerDay: 2000}), serflow.Transport(a), serflow.State(nil), serflow.SLO(5*time.Second),
			serflow.Scale(serflow.Scaling{Ask: ask}), serflow.Log(slog.New(slog.NewTextHandler(&log, nil))))
		if err != nil {
			t.Fatal(err)
		}
		defer a.ended(t, p)
		first := a.only(t, functions)
		functions.is.Store(true)
		time.Sleep(3590 * time.Second) // prices are asked for once an hour
		var all sync.WaitGroup
		for range 60 * 40 {
			all.Go(func() {
				if _, err := p.Infer(t.Context(), stage.Float32("x", []int64{1, 1}, []float32{1})); err != nil {
					t.Error(err)
				}
			})
			time.Sleep(25 * time.Millisecond)
		}
		all.Wait()
		second := a.only(t, functions)
		started := a.Started(second)["1"]
		wanted := 0
		if m := regexp.MustCompile(`wanted=(\d+) started=(\d+) throttled=0`).FindStringSubmatch(log.String()); m != nil && m[1] == m[2] {
			wanted, _ = strconv.Atoi(m[1])
		}
		if first == second || wanted < 20 || started > wanted*5/4+1 { // a quarter more are kept for bursts
			t.Errorf("%s is followed by %s, of which %d sandboxes were started:\n%s", first, second, started, log.String())
		}
		if counted, billed := p.Stats().FunctionDollars, a.FunctionDollars(); math.Abs(counted/billed-1) > 1e-9 {
			t.Errorf("%v dollars are counted, %v billed", counted, billed)
		}
	})
}

// only is the function that there is.
func (a *amazon) only(t *testing.T, functions risen) string {
	t.Helper()
	list, err := functions.List(t.Context(), "shop")
	if err != nil || len(list) != 1 {
		t.Fatalf("%v, %v: want one", list, err)
	}
	return list[0].ID
}
