package serflow_test

import (
	"context"
	"errors"
	"math"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/exit/brownout"
	"github.com/serflow/serflow-go/exit/drift"
	"github.com/serflow/serflow-go/exit/watch"
	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/local"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
)

// promise is a watch over rentedModel that checks a share of the requests, and soon knows.
func promise(share float64) watch.Config {
	return watch.Config{
		Reference: []exit.Tally{{Left: 600, Agree: 600}, {Left: 300, Agree: 300}, {Left: 100, Agree: 100}},
		Bound:     10, Share: share, Window: 100, Rest: time.Minute,
	}
}

func wrongExitOptions() map[string]serflow.Option {
	steps := []brownout.Step{{Policies: []exit.Policy{exit.MaxProb(0.5), exit.Final()}, Loss: 1}}
	rungs := promise(1)
	rungs.Rungs = [][]exit.Policy{{exit.Never(), exit.Final(), exit.Final()}}
	return map[string]serflow.Option{
		"no reference":          serflow.Watch(watch.Config{}),
		"rungs without final":   serflow.Watch(rungs),
		"drift of two stages":   serflow.Drift(drift.Config{Stages: 2}),
		"drift of others":       serflow.Drift(drift.Config{Reference: []float64{1}}),
		"steps of two stages":   serflow.Brownout(brownout.Config{Steps: steps, Budget: 1}),
		"a budget of no points": serflow.Brownout(brownout.Config{Budget: -1}),
	}
}

func isInput(err error, e **serflow.Error) bool {
	return errors.Is(err, serflow.ErrInput) && errors.As(err, e)
}

// misleading is a sample that leaves at once with class 1, while the last exit says 0.
func misleading() stage.Tensor { return stage.Float32("x", []int64{4}, []float32{0, 0, misleads, 4}) }

// The first exit is as sure as ever, and wrong: the watch sees that, and goes to full depth, since
// stricter exits are as sure. When it is right again, so do the exits come back.
func TestWatchGoesToFullDepthAndBack(t *testing.T) {
	e := &exitLog{}
	bothWays(t, e.options(serflow.Watch(promise(1))), func(t *testing.T, p *serflow.Pipeline) {
		stats := func() *serflow.WatchStats { return p.Stats().Exits.Watch }
		for range 200 {
			leaves(t, p, sampleOf(0), 0, 1)
		}
		if s := stats(); s.Rung != 0 || s.Rungs != 3 || s.Checked != 200 || s.Report.Exits[0].Agree < 50 {
			t.Fatalf("%+v", s)
		}
		for range 100 {
			r, err := p.Infer(t.Context(), misleading())
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if stats().Alarmed {
				break
			}
			if r.Exit != 0 || r.Class != 1 {
				t.Fatalf("before the alarm: %+v", r)
			}
		}
		if s := stats(); s.Rung != 3 || !s.Alarmed {
			t.Fatalf("%+v", s)
		}
		if list := e.of(serflow.ExitsWatch); len(list) != 1 || list[0].Over || list[0].Level != 3 || list[0].Policies[0] != exit.Never() || list[0].Expected != 1 || !(list[0].Seen < 1) {
			t.Errorf("%+v", list)
		}
		e.said(t, "accuracy watch", "rung=3", "never; never; final", `expected="100.0 %"`, "seen=")
		shadows := stats().Checked
		leaves(t, p, misleading(), 2, 0)
		if got := p.Exits(); got[0] != exit.Never() || stats().Checked != shadows+1 {
			t.Errorf("%+v, %+v", got, stats())
		}
		for i := 0; stats().Alarmed; i++ {
			if i == 3000 {
				t.Fatalf("it does not come back: %+v", stats())
			}
			at := 0
			if stats().Rung == 3 {
				at = 2
			}
			leaves(t, p, sampleOf(0), at, 1)
			time.Sleep(time.Second)
		}
		leaves(t, p, sampleOf(0), 0, 1)
		list := e.of(serflow.ExitsWatch)
		if len(list) != 3 || list[0].Level != 2 || list[2].Level != 0 || list[0].Over || !list[2].Over {
			t.Errorf("%+v", list)
		}
		e.said(t, "accuracy watch", "as usual again")
		if s := stats(); s.Sampled != s.Checked || s.Dropped+s.Failed != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// A batch is checked row by row, at full depth too.
func TestWatchOfBatches(t *testing.T) {
	bothWays(t, []serflow.Option{serflow.Watch(promise(1))}, func(t *testing.T, p *serflow.Pipeline) {
		rows := func(n int) stage.Tensor {
			x := make([]float32, 0, 4*n)
			for i := range n {
				x = append(x, float32(i%3), 0, misleads, 4)
			}
			return stage.Float32("x", []int64{int64(n), 4}, x)
		}
		stats := func() *serflow.WatchStats { return p.Stats().Exits.Watch }
		for i := 1; !stats().Alarmed; i++ { // two thirds leave early, all of them wrongly
			batch := rows(30)
			if _, err := p.InferBatch(t.Context(), batch); err != nil {
				t.Fatal(err)
			}
			clear(batch.Data) // it is ours again
			synctest.Wait()
			if w := stats(); i == 50 || w.Sampled != int64(30*i) || w.Checked+w.Dropped != w.Sampled || w.Checked < int64(i) {
				t.Fatalf("%+v", w)
			}
		}
		before := stats().Checked
		results, err := p.InferBatch(t.Context(), rows(6))
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range results {
			if r.Exit != 2 || r.Class != 0 {
				t.Errorf("row %d: %+v", i, r)
			}
		}
		if w := stats(); w.Checked != before+6 || w.Report.Unusable != 0 {
			t.Errorf("%+v", w)
		}
	})
}

// By default one request in a hundred is in the sample.
func TestWatchSamplesAShare(t *testing.T) {
	bothWays(t, []serflow.Option{serflow.Watch(promise(0))}, func(t *testing.T, p *serflow.Pipeline) {
		const requests = 3000
		for range requests {
			leaves(t, p, sampleOf(0), 0, 1)
		}
		mean := float64(requests) / 100
		if s := p.Stats().Exits.Watch; math.Abs(float64(s.Checked)-mean) > 6*math.Sqrt(mean) || s.Checked == 0 {
			t.Errorf("%d of %d", s.Checked, requests)
		}
	})
}

// A shadow that hangs holds no answer up, is given up after a while, and ends at Shutdown.
func TestShadowsHoldNothingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, nil)
		p := s.open(t, serflow.Plan(vmsAlone(1)), serflow.Watch(promise(1)))
		waitUntil(t, "a VM", func() bool { return ready(p) == 1 })
		var posts, hanging atomic.Int32
		s.onVM = func(ctx context.Context, _ string) error {
			if posts.Add(1)%2 == 1 {
				return nil // the request itself
			}
			hanging.Add(1)
			defer hanging.Add(-1)
			<-ctx.Done()
			return ctx.Err()
		}
		begun := time.Now()
		leaves(t, p, sampleOf(0), 0, 1)
		if took := time.Since(begun); took > 0 || hanging.Load() != 1 {
			t.Errorf("answered after %v, %d shadows hang", took, hanging.Load())
		}
		time.Sleep(time.Minute)
		if w := p.Stats().Exits.Watch; w.Dropped != 1 || w.Checked+w.Failed != 0 || hanging.Load() != 0 {
			t.Errorf("%+v, %d shadows hang", w, hanging.Load())
		}
		if n := ready(p); n != 1 {
			t.Errorf("%d VMs: a shadow that was given up has cost one", n)
		}
		leaves(t, p, sampleOf(0), 0, 1)
		begun = time.Now()
		s.closed(t, p)
		if took := time.Since(begun); took > time.Second {
			t.Errorf("closed after %v", took)
		}
		if w := p.Stats().Exits.Watch; w.Sampled != 2 || w.Dropped != 2 {
			t.Errorf("%+v", w)
		}
	})
}

// Shadows use no function, and where there is nothing else they are dropped.
func TestShadowsUseNoFunction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, nil)
		e := &exitLog{}
		p := s.open(t, append(e.options(serflow.Watch(promise(1))), serflow.On(nil, s.lambdas()))...)
		defer s.closed(t, p)
		calls := func() int { return s.Account().Calls }
		before := calls()
		for range 120 {
			leaves(t, p, sampleOf(1), 1, 1)
		}
		if w := p.Stats().Exits.Watch; calls() != before+120 || w.Dropped != 120 || w.Sampled != 120 || w.Dollars != 0 {
			t.Errorf("%d calls for 120 requests, %+v", calls()-before, w)
		}
		e.said(t, "the accuracy watch sees nothing", "dropped=100", "checked=0")
	})
}

// A shadow goes from group to group as requests do, and its visits are in the bill: they are
// the difference between what groups have cost and what requests have.
func TestShadowsAreBilled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, nil)
		plan := vmsAlone(1)
		plan.VMs = append(plan.VMs, plan.VMs[0])
		plan.VMs[0].Stages, plan.VMs[1].Stages = stage.Range{Last: 0}, stage.Range{First: 1, Last: 2}
		p := s.open(t, serflow.Plan(plan), serflow.Watch(promise(1)))
		defer s.closed(t, p)
		waitUntil(t, "VMs", func() bool { return ready(p) == 2 })
		dollars := 0.0
		for range 10 {
			dollars += leaves(t, p, sampleOf(0), 0, 1).Dollars
		}
		groups, visits := 0.0, int64(0)
		for _, g := range p.Stats().Groups {
			groups += g.Dollars
			visits += g.Requests
		}
		w := p.Stats().Exits.Watch
		if w.Checked != 10 || w.Report.Unusable != 0 || visits != 30 { // each request one visit, each shadow two
			t.Errorf("%d visits, %+v", visits, w)
		}
		if w.Dollars <= 0 || math.Abs(groups-dollars-w.Dollars) > 1e-9*groups {
			t.Errorf("requests cost %v, shadows %v, groups %v", dollars, w.Dollars, groups)
		}
	})
}

// A shadow that fails is counted, and neither tried again nor seen by anyone; and from workers
// that do not know what they are asked nothing is learned.
func TestShadowsThatFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, nil)
		deaf := newPlainWorker(rentedModel)
		deaf.deaf = true
		s.workerOf = func(providers.Instance) *plainWorker { return deaf }
		p := s.open(t, serflow.Plan(vmsAlone(1)), serflow.Watch(promise(1)))
		defer s.closed(t, p)
		waitUntil(t, "a VM", func() bool { return ready(p) == 1 })
		var posts atomic.Int32
		s.onVM = func(context.Context, string) error {
			if posts.Add(1) == 2 {
				return errors.New("reset")
			}
			return nil
		}
		leaves(t, p, sampleOf(0), 0, 1)
		if w := p.Stats().Exits.Watch; w.Failed != 1 || w.Sampled != 1 || posts.Load() != 2 {
			t.Errorf("%+v after %d calls", w, posts.Load())
		}
		time.Sleep(time.Minute) // until the VM has been looked at
		leaves(t, p, sampleOf(0), 0, 1)
		if w := p.Stats().Exits.Watch; w.Checked != 1 || w.Report.Unusable != 1 || w.Report.All.Left != 0 || deaf.idle.Load() != 1 {
			t.Errorf("%+v, %d idle", w, deaf.idle.Load())
		}
	})
}

// In process a shadow makes way for calls.
func TestShadowsMakeWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t, rentedModel, serflow.Watch(promise(1)))
		ctx, cancel := context.WithCancel(t.Context())
		const more = 64 // than there are processors
		for range more {
			go p.Infer(ctx, slowSample(0, 1000))
		}
		synctest.Wait()
		leaves(t, p, sampleOf(0), 0, 1)
		if w := p.Stats().Exits.Watch; w.Dropped != 1 || w.Checked != 0 {
			t.Errorf("beside calls: %+v", w)
		}
		cancel()
		synctest.Wait()
		go p.Infer(t.Context(), slowSample(0, 1000))
		time.Sleep(1500 * time.Millisecond) // it has been answered, and its shadow is in the first stage
		for range more {
			go p.Infer(t.Context(), slowSample(0, 10_000))
		}
		time.Sleep(time.Second)
		if w := p.Stats().Exits.Watch; w.Sampled != 2 || w.Dropped != 2 || w.Checked != 0 {
			t.Errorf("overtaken: %+v", w)
		}
		time.Sleep(time.Minute)
	})
}

// Other exits are watched by the same promise from then on, also if shadows of those before are
// still under way.
func TestWatchOfExitsThatWereSet(t *testing.T) {
	bothWays(t, []serflow.Option{serflow.Watch(promise(1))}, func(t *testing.T, p *serflow.Pipeline) {
		if _, err := p.Infer(t.Context(), slowSample(0, 1000)); err != nil {
			t.Fatal(err)
		}
		set := []exit.Policy{exit.Never(), exit.Margin(0.5), exit.Final()}
		if err := p.SetExits(set...); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		w := p.Stats().Exits.Watch
		if w.Checked != 1 || w.Report.All.Left != 0 {
			t.Errorf("a shadow that was asked of other exits: %+v", w)
		}
		for range 50 {
			if _, err := p.Infer(t.Context(), misleading()); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if w := p.Stats().Exits.Watch; !w.Alarmed || w.Rung != 3 {
			t.Errorf("%+v", w)
		}
		leaves(t, p, misleading(), 2, 0)
	})
}

// A run of agreement is a shadow's as it is a request's.
func TestWatchOfPatience(t *testing.T) {
	bothWays(t, []serflow.Option{serflow.Watch(promise(1))}, func(t *testing.T, p *serflow.Pipeline) {
		must(t, p.SetExits(exit.Patience(2), exit.Patience(2), exit.Final()))
		for range 10 {
			leaves(t, p, sampleOf(0), 1, 1)
		}
		if w := p.Stats().Exits.Watch; w.Report.Exits[1].Left != 10 || w.Report.Exits[1].Agree != 10 {
			t.Errorf("%+v", w.Report)
		}
	})
}

// The same with real processes and clocks: VMs of two groups and a function.
func TestWatchOnTheLocalProvider(t *testing.T) {
	cloud := openLocal(t, local.Options{})
	plan := vmsAndFunctions(1)
	plan.VMs = append(plan.VMs, plan.VMs[0])
	plan.VMs[0].Stages, plan.VMs[1].Stages = stage.Range{Last: 1}, stage.Range{First: 2, Last: 2}
	p := openRented(t, cloud, serflow.Plan(plan), serflow.Watch(promise(1)), serflow.SLO(20*time.Second))
	waitFor(t, "VMs", func() bool { return ready(p) == 2 })
	watched := func() *serflow.WatchStats { return p.Stats().Exits.Watch }
	waitFor(t, "an alarm", func() bool {
		if _, err := p.Infer(t.Context(), misleading()); err != nil {
			t.Fatal(err)
		}
		return watched().Alarmed
	})
	r, err := p.Infer(t.Context(), misleading())
	if err != nil || r.Exit != 2 || r.Class != 0 {
		t.Errorf("at full depth: %+v, %v", r, err)
	}
	if w := watched(); w.Dollars <= 0 || w.Report.Unusable > 0 || w.Failed > 0 {
		t.Errorf("%+v", w)
	}
	if _, err := p.Infer(t.Context(), slowSample(0, 500)); err != nil {
		t.Fatal(err)
	}
}
