package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/internal/wire"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/remote"
)

// served is what a worker says that it serves.
func served(t *testing.T, r *rig) string {
	t.Helper()
	resp, answer := raw(t, r, "GET /v2/models/votes HTTP/1.1", "")
	var m wire.ModelMetadata
	if err := json.Unmarshal(answer, &m); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp.StatusCode, err)
	}
	return fmt.Sprint(m.Parameters.Stages(), " of plan ", m.Parameters.Generation)
}

// A worker goes by another setup when its owner says so, once or twice, and by none that cannot be or that a
// stranger sends. What it was launched with for its own life stays.
func TestAnotherSetup(t *testing.T) {
	setup := launch.Setup{Stages: stage.Range{Last: 1}, Slots: 2, Orphan: time.Hour, MaxAge: 2 * time.Hour}
	r := start(t, voting, setup)
	next := launch.Setup{Stages: stage.Range{First: 1, Last: 2}, Slots: 2, Limit: 7, Stuck: time.Second, Generation: 3}
	if got := served(t, r); got != "stages 1-2 of plan 0" {
		t.Error(got)
	}
	for range 2 {
		if err := r.remote.SetUp(t.Context(), next.String()); err != nil {
			t.Fatal(err)
		}
		if got := served(t, r); got != "stages 2-3 of plan 3" {
			t.Error(got)
		}
	}
	if s := r.setup.Load(); s.Orphan != time.Hour || s.MaxAge != 2*time.Hour || s.Limit != 7 || s.Stuck != time.Second {
		t.Errorf("%+v", s)
	}
	for name, bad := range map[string]string{
		"other slots": launch.Setup{Slots: 3}.String(), "no such stages": launch.Setup{Slots: 2, Stages: stage.Range{First: 2, Last: 3}}.String(),
		"a time too many": launch.Setup{Slots: 2, Need: make([]time.Duration, 4)}.String(), "no JSON": "{", "too long": `{"need":[` + strings.Repeat("1,", longestStart) + "1]}",
	} {
		if err := r.remote.SetUp(t.Context(), bad); !errors.Is(err, stage.ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
	stranger := remote.Dial(r.address, remote.Options{Model: voting.Name, Credential: "of-somebody-else-s-fleet"})
	if err := stranger.SetUp(t.Context(), setup.String()); !errors.Is(err, remote.ErrUnauthorized) {
		t.Error(err)
	}
	if got := served(t, r); got != "stages 2-3 of plan 3" {
		t.Error(got)
	}
}

// Rows that a worker has when it is set up anew end where their requests say, and none is lost; those that
// come later run as the new setup says.
func TestAnotherSetupWithRows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &batchLog{begun: time.Now()}
		m := modelOf("m", l.stage(0, 10*time.Millisecond), l.stage(1, 10*time.Millisecond), l.stage(2, 10*time.Millisecond))
		w := inBubble(t, m, launch.Setup{Stages: stage.Range{Last: 1}}, 1)
		var calls sync.WaitGroup
		run := func(first, last int) {
			calls.Go(func() {
				c, err := w.answer(context.Background(), w.now(), &wire.Request{Fingerprint: w.fingerprint, Stages: stage.Range{First: first, Last: last}, Inputs: []stage.Tensor{rows(2, 0, 0, 2)}})
				if err != nil || len(c.jobs) != 1 || c.jobs[0].stage != last+1 && last < 2 {
					t.Errorf("%d to %d: %v", first, last, err)
				}
			})
		}
		run(0, 1)
		run(0, 1)
		time.Sleep(5 * time.Millisecond)
		if err := w.set(launch.Setup{Stages: stage.Range{Last: 2}, MaxBatch: 2}); err != nil {
			t.Error(err)
		}
		run(0, 2)
		calls.Wait()
		want := "[0s stage 0: 1 10ms stage 1: 1 20ms stage 0: 2 30ms stage 1: 2 40ms stage 2: 1]"
		if got := fmt.Sprint(l.lines); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	})
}
