package serflow_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/exit/drift"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
)

var watchedOver = []serflow.Option{
	serflow.Drift(drift.Config{Reference: []float64{0.5, 0.3, 0.2}}), serflow.Watch(promise(1)), browned(1),
}

// alarmed is a pipeline whose early answers have been found to be wrong, and what it has saved.
func alarmed(t *testing.T, first func(p *serflow.Pipeline)) (before serflow.ExitStats, saved []byte) {
	t.Helper()
	p, err := serflow.Open(t.Context(), rentedModel, watchedOver...)
	if err != nil {
		t.Fatal(err)
	}
	first(p)
	streamOf(t, p, 120, 3, 5, 3, 2)
	streamOf(t, p, 20, misleads, 5, 3, 2)
	before = p.Stats().Exits
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if saved, err = p.SaveExits(); err != nil || before.Watch.Rung != 3 {
		t.Fatalf("%v, %+v", err, before.Watch)
	}
	return before, saved
}

// A restart forgets nothing of what has been learned.
func TestExitsOutliveARestart(t *testing.T) {
	other := []exit.Policy{exit.MaxProb(0.8), exit.MaxProb(0.8), exit.Final()}
	for name, first := range map[string]func(p *serflow.Pipeline){
		"the model's": func(*serflow.Pipeline) {},
		"set":         func(p *serflow.Pipeline) { must(t, p.SetExits(other...)) },
	} {
		synctest.Test(t, func(t *testing.T) {
			before, saved := alarmed(t, first)
			time.Sleep(time.Hour)
			p := open(t, rentedModel, watchedOver...)
			must(t, p.RestoreExits(saved))
			after := p.Stats().Exits
			if !slices.Equal(after.Policies, before.Policies) || after.Watch.Rung != 3 || after.Watch.Report.All != before.Watch.Report.All {
				t.Errorf("%s: watch %+v, was %+v", name, after.Watch, before.Watch)
			}
			if !slices.Equal(after.Drift.Expected, before.Drift.Expected) || name == "the model's" && !slices.Equal(after.Drift.Rates, before.Drift.Rates) {
				t.Errorf("%s: drift %+v, was %+v", name, after.Drift, before.Drift)
			}
			if left := after.Brownout.Left; left < 0.9*before.Brownout.Left || left > before.Brownout.Left {
				t.Errorf("%s: a budget of %v, was %v", name, left, before.Brownout.Left)
			}
			leaves(t, p, misleading(), 2, 0)
			if again, err := p.SaveExits(); err != nil || name == "set" && !bytes.Contains(again, []byte("0.8")) {
				t.Errorf("%s: %s, %v", name, again, err)
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// What is of another model, or damaged, is refused, and what does not fit starts afresh alone.
func TestSavedExitsThatDoNotFit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before, saved := alarmed(t, func(*serflow.Pipeline) {})
		fresh := func(m stage.Model, options ...serflow.Option) *serflow.Pipeline { return open(t, m, options...) }
		for name, text := range map[string][]byte{
			"empty":           nil,
			"no JSON":         []byte("hello"),
			"another version": bytes.Replace(saved, []byte(`"Version":1`), []byte(`"Version":2`), 1),
			"another model":   bytes.Replace(saved, []byte(`"Fingerprint":"`), []byte(`"Fingerprint":"0`), 1),
			"an exit too few": bytes.Replace(saved, []byte(`"Usual":[{"Kind":"maxprob","Threshold":0.9,"Patience":0,"Temperature":0},`), []byte(`"Usual":[`), 1),
		} {
			p := fresh(rentedModel, watchedOver...)
			if bytes.Equal(text, saved) {
				t.Fatalf("%s: not damaged", name)
			}
			typedInput(t, name, p.RestoreExits(text))
			if s := p.Stats().Exits; s.Watch.Rung != 0 || s.Drift.Rates[0].Reach != 0 || s.Brownout.Left != 0 {
				t.Errorf("%s: %+v", name, s)
			}
			leaves(t, p, sampleOf(0), 0, 1)
		}

		// Another promise: the watch starts afresh, and the rest goes on.
		c := promise(1)
		c.Bound = 5
		p := fresh(rentedModel, watchedOver[0], serflow.Watch(c))
		typedInput(t, "another promise", p.RestoreExits(saved))
		if s := p.Stats().Exits; s.Watch.Rung != 0 || s.Drift.Rates[1].Reach != before.Drift.Rates[1].Reach {
			t.Errorf("another promise: %+v, %+v", s.Watch, s.Drift)
		}
		// Other exits in the model: those stand, and neither watch nor drift is about them.
		changed := rentedModel
		changed.Stages = slices.Clone(changed.Stages)
		changed.Stages[0].Exit = exit.MaxProb(0.5)
		p = fresh(changed, watchedOver...)
		typedInput(t, "other exits", p.RestoreExits(saved))
		if s := p.Stats().Exits; s.Policies[0] != exit.MaxProb(0.5) || s.Watch.Rung != 0 || s.Drift.Rates[0].Reach != 0 || s.Brownout.Left == 0 {
			t.Errorf("other exits: %+v", s)
		}
		// Without options there is nothing to go on with.
		p = fresh(rentedModel)
		must(t, p.RestoreExits(saved))
		if text, err := p.SaveExits(); err != nil || !json.Valid(text) {
			t.Errorf("%s, %v", text, err)
		}
		leaves(t, p, sampleOf(0), 0, 1)
	})
}
