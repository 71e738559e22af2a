package worker

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/remote"
)

func openFunction(t *testing.T, longest int) *Function {
	t.Helper()
	start := launch.Start{Kind: launch.Function, Setup: wholeOf(voting).String(), Pace: 1}
	f, err := OpenFunction(t.Context(), voting, toText(start), longest)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func toText(start launch.Start) string { return string(toJSON(start)) }

// call sends rows through all stages.
func (f *Function) call(ctx context.Context, x ...float32) (remote.Reply, error) {
	return remote.Over(ctx, remote.Request{
		Fingerprint: f.s.fingerprint, Stages: f.s.setup.Load().Stages, Inputs: []stage.Tensor{rows(x...)},
	}, func(ctx context.Context, body []byte) ([]byte, error) { return f.Answer(ctx, body), nil })
}

// A function answers as a worker behind HTTP does, many calls at once too, until it is closed.
func TestAFunctionAnswersAsAWorker(t *testing.T) {
	f, r := openFunction(t, 1<<20), start(t, voting, wholeOf(voting))
	want, err := r.ask(t.Context(), 1, 1, 1, 0, 2, 0, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			got, err := f.call(t.Context(), 1, 1, 1, 0, 2, 0, 1, 2)
			if err != nil || len(got.Parts) != len(want.Parts) || len(got.Parts) != 2 {
				t.Errorf("%+v, %v; want %+v", got.Parts, err, want.Parts)
				return
			}
			for i, p := range got.Parts {
				if p.Stage != want.Parts[i].Stage || p.Class[0] != want.Parts[i].Class[0] {
					t.Errorf("%+v, want %+v", p, want.Parts[i])
				}
			}
		})
	}
	all.Wait()
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if _, err := f.call(t.Context(), 1, 1, 1, 0); !errors.Is(err, remote.ErrRefused) {
		t.Errorf("after it was closed: %v", err)
	}
}

// What does not fit, is no request or cannot be opened is said in words.
func TestWhatAFunctionCannotDo(t *testing.T) {
	small := openFunction(t, 300)
	if _, err := small.call(t.Context(), 1, 1, 1, 0, 2, 0, 1, 2); !errors.Is(err, stage.ErrInput) || !strings.Contains(err.Error(), "at most 292") {
		t.Errorf("a long answer: %v", err)
	}
	if answer := string(small.Answer(t.Context(), nil)); !strings.Contains(answer, "serflow_code") {
		t.Errorf("nothing was sent: %q", answer)
	}
	for text, want := range map[string]string{
		"": "no JSON", `{"setup":"{"}`: "setup", toText(launch.Start{Setup: launch.Setup{Stages: stage.Range{Last: 9}}.String()}): "stages 1-10 of a model of 3",
	} {
		if _, err := OpenFunction(t.Context(), voting, text, 1<<20); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
