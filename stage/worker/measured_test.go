package worker

import (
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/stage"
)

// A reply of several rows tells the stages' times only if they all ran as one batch, so that who
// measures knows what was measured.
func TestTimesOfABatch(t *testing.T) {
	const ms = time.Millisecond
	stays, leaves := []float32{0, 0, 0, 9}, []float32{0, 0, 0, 0}
	for name, c := range map[string]struct {
		maxBatch int
		x        []float32
		others   int // calls of one row that come at the same time
		want     []time.Duration
	}{
		"together":         {4, slices.Concat(stays, stays, stays), 0, []time.Duration{10 * ms, 20 * ms}},
		"one row":          {4, stays, 0, []time.Duration{10 * ms, 20 * ms}},
		"too many":         {2, slices.Concat(stays, stays, stays), 0, nil},
		"one leaves early": {4, slices.Concat(stays, leaves), 0, nil},
		"all leave early":  {4, slices.Concat(leaves, leaves), 0, []time.Duration{10 * ms}},
		"in company":       {8, slices.Concat(stays, stays), 2, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &batchLog{begun: time.Now()}
				w := inBubble(t, modelOf("m", l.stage(0, 10*ms), l.stage(1, 20*ms)), launch.Setup{Stages: stage.Range{Last: 1}, MaxBatch: c.maxBatch, Window: time.Duration(c.others) * ms}, 1)
				var calls sync.WaitGroup
				for range c.others {
					calls.Go(func() {
						if _, err := w.answers(t.Context(), stays...); err != nil {
							t.Error(err)
						}
					})
				}
				synctest.Wait()
				answer, err := w.answers(t.Context(), c.x...)
				if err != nil {
					t.Fatal(err)
				}
				r, err := w.reply(answer)
				if err != nil || !slices.Equal(r.Times, c.want) {
					t.Errorf("%v, %v, want %v; batches %q", r.Times, err, c.want, l.lines)
				}
				calls.Wait()
			})
		})
	}
}

// The memory that a worker has used is what it tells.
func TestPeakMemory(t *testing.T) {
	r := start(t, voting, wholeOf(voting))
	before, err := r.remote.Peak(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "linux" {
		if before != 0 {
			t.Errorf("%d bytes where none are known", before)
		}
		return
	}
	const more = 64 << 20
	use := make([]byte, before+more)
	for i := 0; i < len(use); i += 1 << 10 {
		use[i] = 1
	}
	after, err := r.remote.Peak(t.Context())
	if err != nil || before < 1<<20 || after < before+more/2 {
		t.Errorf("%d bytes, and %d with %d more, %v", before, after, len(use), err)
	}
	runtime.KeepAlive(use)
}
