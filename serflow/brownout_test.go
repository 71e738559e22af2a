package serflow_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/exit/brownout"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
)

// loose lets all requests out at the first exit.
var loose = []exit.Policy{exit.MaxProb(0), exit.MaxProb(0), exit.Final()}

func browned(budget float64) serflow.Option {
	return serflow.Brownout(brownout.Config{
		Steps:  []brownout.Step{{Policies: []exit.Policy{exit.MaxProb(0.9), exit.MaxProb(0), exit.Final()}, Loss: 1}, {Policies: loose, Loss: 2}},
		Budget: budget,
	})
}

// late is so many seconds in which each of 20 requests a second takes so many milliseconds.
func late(t *testing.T, p *serflow.Pipeline, seconds int, milliseconds float32, third ...float32) {
	t.Helper()
	sample := stage.Float32("x", []int64{4}, append([]float32{2, milliseconds}, append(third, 3, 4)[:2]...))
	for range 20 * seconds {
		go p.Infer(t.Context(), sample)
		time.Sleep(50 * time.Millisecond)
	}
	time.Sleep(time.Second)
	synctest.Wait()
}

// Requests that are late loosen the exits step by step; when they are not any more, the exits come back.
func TestBrownout(t *testing.T) {
	e := &exitLog{}
	bothWays(t, e.options(serflow.SLO(100*time.Millisecond), browned(5)), func(t *testing.T, p *serflow.Pipeline) {
		stats := func() *serflow.BrownoutStats { return p.Stats().Exits.Brownout }
		late(t, p, 60, 1) // so that there is a budget
		if s := stats(); s.Step != 0 || s.Earlier != 0 || s.Overload != 0 || s.Left < 5000 {
			t.Fatalf("%+v", s)
		}
		late(t, p, 30, 300)
		if s := stats(); s.Step != 2 || s.Earlier == 0 || s.Overload < 0.9 || !slices.Equal(p.Exits(), loose) {
			t.Fatalf("%+v, %+v", s, p.Exits())
		}
		leaves(t, p, sampleOf(2), 0, 0)
		list := e.of(serflow.ExitsBrownout)
		if len(list) != 2 || list[0].Level != 1 || list[0].Over || list[1].Level != 2 || list[1].Policies[0] != loose[0] {
			t.Errorf("%+v", list)
		}
		e.said(t, "brownout", "step=2", `seen="100.0 %"`, "maxprob 0; maxprob 0; final")
		late(t, p, 200, 1)
		if s := stats(); s.Step != 0 {
			t.Errorf("%+v", s)
		}
		leaves(t, p, sampleOf(2), 2, 1)
		if list := e.of(serflow.ExitsBrownout); len(list) != 2 || !list[1].Over {
			t.Errorf("%+v", list)
		}
		e.said(t, "brownout is over")
	})
}

// Without a budget, and while the watch finds early answers to be wrong, requests leave no earlier.
func TestNoBrownout(t *testing.T) {
	bothWays(t, []serflow.Option{serflow.SLO(100 * time.Millisecond), browned(0)}, func(t *testing.T, p *serflow.Pipeline) {
		late(t, p, 20, 1)
		late(t, p, 20, 300)
		if s := p.Stats().Exits.Brownout; s.Step != 0 || s.Earlier != 0 || s.Overload < 0.9 {
			t.Errorf("%+v", s)
		}
	})
	bothWays(t, []serflow.Option{serflow.SLO(100 * time.Millisecond), browned(5), serflow.Watch(promise(1))}, func(t *testing.T, p *serflow.Pipeline) {
		late(t, p, 60, 1)
		for i := 0; !p.Stats().Exits.Watch.Alarmed; i++ {
			if i == 100 {
				t.Fatalf("%+v", p.Stats().Exits.Watch)
			}
			leaves(t, p, misleading(), 0, 1)
		}
		late(t, p, 20, 300, misleads)
		if s := p.Stats().Exits.Brownout; s.Step == 0 || s.Earlier != 0 {
			t.Errorf("%+v", s)
		}
		leaves(t, p, misleading(), 2, 0)
	})
}

// A request that is late now and then is no overload, however few there are beside it.
func TestOneLateIsNoOverload(t *testing.T) {
	e := &exitLog{}
	bothWays(t, e.options(serflow.SLO(100*time.Millisecond), browned(5)), func(t *testing.T, p *serflow.Pipeline) {
		late(t, p, 60, 1)
		for range 5 { // one in 200
			go p.Infer(t.Context(), slowSample(2, 300))
			late(t, p, 10, 1)
		}
		if list := e.of(serflow.ExitsBrownout); len(list) != 0 {
			t.Errorf("%+v", list)
		}
	})
}

// A request that its caller has given up says nothing of the load.
func TestGivenUpIsNotLate(t *testing.T) {
	bothWays(t, []serflow.Option{serflow.SLO(time.Second), browned(5)}, func(t *testing.T, p *serflow.Pipeline) {
		for range 120 {
			ctx, cancel := contextFor(t, 50*time.Millisecond)
			if _, err := p.Infer(ctx, slowSample(0, 100)); err == nil {
				t.Fatal("answered")
			}
			cancel()
		}
		if s := p.Stats().Exits.Brownout; s.Overload != 0 || s.Step != 0 {
			t.Errorf("%+v", s)
		}
	})
}
