package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

// inBubble is a worker without HTTP, under a clock of its own.
func inBubble(t *testing.T, m stage.Model, setup launch.Setup, share float64) *worker {
	w, err := open(t.Context(), m, setup, share)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.close(time.Minute); err != nil {
			t.Error(err)
		}
	})
	return w
}

// answers has rows served, as a request of their own.
func (w *worker) answers(ctx context.Context, x ...float32) (*call, error) {
	return w.answersWithin(ctx, 0, x...)
}

func (w *worker) answersWithin(ctx context.Context, remaining time.Duration, x ...float32) (*call, error) {
	return w.answer(ctx, w.now(), &wire.Request{Fingerprint: w.fingerprint, Remaining: remaining, Stages: stage.Range{Last: w.stages.Last()}, Inputs: []stage.Tensor{rows(x...)}})
}

// batchLog notes the batches that a model is given, and when.
type batchLog struct {
	mu    sync.Mutex
	begun time.Time
	lines []string
}

func (l *batchLog) stage(k int, takes time.Duration) stage.RunFunc {
	return func(ctx context.Context, rows int, in []stage.Tensor) ([]stage.Tensor, error) {
		l.mu.Lock()
		l.lines = append(l.lines, fmt.Sprintf("%v stage %d: %d", time.Since(l.begun), k, rows))
		l.mu.Unlock()
		time.Sleep(takes)
		return votes(k)(ctx, rows, in)
	}
}

// A free slot waits for company as long as the window, and no longer once the batch is full.
func TestWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &batchLog{begun: time.Now()}
		w := inBubble(t, modelOf("m", l.stage(0, 0)), launch.Setup{MaxBatch: 3, Window: 10 * time.Millisecond}, 1)
		var calls sync.WaitGroup
		for _, at := range []int{0, 5, 20, 21, 22, 40} {
			calls.Go(func() {
				time.Sleep(time.Duration(at) * time.Millisecond)
				if _, err := w.answers(t.Context(), 0, 0, 0, 0); err != nil {
					t.Error(err)
				}
			})
		}
		calls.Wait()
		if want := []string{"10ms stage 0: 2", "22ms stage 0: 3", "50ms stage 0: 1"}; !slices.Equal(l.lines, want) {
			t.Errorf("%q, want %q", l.lines, want)
		}
	})
}

// While a slot is busy rows gather, and those that go on are joined by others at their stage.
func TestRefill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &batchLog{begun: time.Now()}
		w := inBubble(t, modelOf("m", l.stage(0, 10*time.Millisecond), l.stage(1, 10*time.Millisecond)), launch.Setup{Stages: stage.Range{Last: 1}, MaxBatch: 4}, 1)
		var calls sync.WaitGroup
		for at, remaining := range []time.Duration{0, time.Second, time.Second} { // those that come later are in a hurry
			calls.Go(func() {
				time.Sleep(time.Duration(at) * time.Millisecond)
				if _, err := w.answersWithin(t.Context(), remaining, 0, 0, 0, 9); err != nil {
					t.Error(err)
				}
			})
		}
		calls.Wait()
		if want := []string{"0s stage 0: 1", "10ms stage 0: 2", "20ms stage 1: 3"}; !slices.Equal(l.lines, want) {
			t.Errorf("%q, want %q", l.lines, want)
		}
	})
}

// A worker that is told what batches take runs those that pay: here at the first stage only.
func TestCurve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &batchLog{begun: time.Now()}
		const ms = time.Millisecond
		told := launch.Setup{Stages: stage.Range{Last: 1}, MaxBatch: 4, Curve: [][]time.Duration{{10 * ms, 11 * ms, 12 * ms}, {10 * ms, 20 * ms, 30 * ms}}}
		setup, err := launch.ParseSetup(told.String())
		if err != nil {
			t.Fatal(err)
		}
		w := inBubble(t, modelOf("m", l.stage(0, 10*ms), l.stage(1, 10*ms)), setup, 1)
		var calls sync.WaitGroup
		for i := range 5 {
			calls.Go(func() {
				time.Sleep(time.Duration(i) * ms)
				if _, err := w.answersWithin(t.Context(), time.Second, 0, 0, 0, 9); err != nil {
					t.Error(err)
				}
			})
		}
		calls.Wait()
		want := []string{
			"0s stage 0: 1", "10ms stage 1: 1", "20ms stage 0: 3", "30ms stage 1: 1", "40ms stage 1: 1", "50ms stage 1: 1", "60ms stage 0: 1", "70ms stage 1: 1",
		}
		if !slices.Equal(l.lines, want) {
			t.Errorf("%q, want %q", l.lines, want)
		}
	})
}

// A setup that cannot be meant is refused.
func TestDamagedCurve(t *testing.T) {
	for name, curve := range map[string][][]time.Duration{
		"of two stages": {{1}, {1}}, "no time": {{0}}, "less than none": {{1, -1}}, "years": {{1, 1 << 62}},
	} {
		if _, err := open(t.Context(), modelOf("m", votes(0)), launch.Setup{MaxBatch: 2, Curve: curve}, 1); err == nil {
			t.Errorf("%s: %v has been accepted", name, curve)
		}
	}
}

// A slot that has a quarter of a core takes four times as long for what it computes, and says so. What
// it waits costs it nothing, nor what others compute meanwhile.
func TestPace(t *testing.T) {
	const stageTime = 10 * time.Millisecond
	for name, c := range map[string]struct {
		cores float64 // that the process uses
		took  time.Duration
	}{
		"computes":          {1, 40 * time.Millisecond},
		"waits":             {0, 10 * time.Millisecond},
		"waits half":        {0.5, 25 * time.Millisecond},
		"beside other work": {2, 40 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &batchLog{begun: time.Now()}
				w := inBubble(t, modelOf("m", l.stage(0, stageTime)), launch.Setup{}, 0.25)
				w.cpu = func() time.Duration { return time.Duration(c.cores * float64(time.Since(l.begun))) }
				for range 2 {
					a, err := w.answers(t.Context(), 0, 0, 0, 0)
					if err != nil {
						t.Fatal(err)
					}
					if r, err := w.reply(a); err != nil || r.Service != c.took {
						t.Errorf("service %v, %v, want %v", r.Service, err, c.took)
					}
				}
			})
		})
	}
}

// Processor time is what is computed, and not what is waited.
func TestCPUTime(t *testing.T) {
	begun := cpuTime()
	x := uint64(1)
	for cpuTime() < begun+time.Millisecond {
		for range 1000 {
			x = x*6364136223846793005 + 1
		}
	}
	if x == 0 {
		t.Error("unreachable: keeps the loop")
	}
	if begun <= 0 {
		t.Errorf("a process that runs has used %v", begun)
	}
}

// A row that cannot be run harms none of those that it shares a batch with.
func TestPoison(t *testing.T) {
	bad := func(how func(rows int, in []stage.Tensor) ([]stage.Tensor, error)) stage.RunFunc {
		return func(ctx context.Context, n int, in []stage.Tensor) ([]stage.Tensor, error) {
			x, err := stage.Data[float32](in[0])
			if err != nil {
				return nil, err
			}
			for i := range n {
				if x[4*i] < 0 {
					return how(n, in)
				}
			}
			return votes(0)(ctx, n, in)
		}
	}
	for name, c := range map[string]struct {
		how  func(rows int, in []stage.Tensor) ([]stage.Tensor, error)
		code wire.Code
		says string
	}{
		"bad input": {func(int, []stage.Tensor) ([]stage.Tensor, error) {
			return nil, fmt.Errorf("%w: negative", stage.ErrInput)
		}, wire.Invalid, "negative"},
		"failure": {func(int, []stage.Tensor) ([]stage.Tensor, error) { return nil, errors.New("out of order") }, wire.StageFailed, "out of order"},
		"panic":   {func(int, []stage.Tensor) ([]stage.Tensor, error) { panic("oh no") }, wire.StageFailed, "oh no"},
		"no rows": {func(int, []stage.Tensor) ([]stage.Tensor, error) { return nil, nil }, wire.StageFailed, "contract"},
		"rows": {func(n int, in []stage.Tensor) ([]stage.Tensor, error) {
			return []stage.Tensor{stage.Float32(stage.Logits, []int64{int64(n) + 1, 3}, make([]float32, 3*n+3))}, nil
		}, wire.StageFailed, "rows for"},
		"wrong bytes": {func(n int, in []stage.Tensor) ([]stage.Tensor, error) {
			return []stage.Tensor{{Name: "x", DType: stage.FP32, Shape: []int64{int64(n), 4}}}, nil
		}, wire.StageFailed, "bytes"},
		"its own timeout": {func(int, []stage.Tensor) ([]stage.Tensor, error) { return nil, context.DeadlineExceeded }, wire.StageFailed, "deadline"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := inBubble(t, modelOf("m", bad(c.how)), launch.Setup{MaxBatch: 8, Window: time.Second}, 1)
				var calls sync.WaitGroup
				for i := range 4 {
					calls.Go(func() {
						x := float32(1)
						if i == 2 {
							x = -1
						}
						answer, err := w.answers(t.Context(), x, 0, 0, 0)
						switch {
						case x < 0 && c.code != "":
							if err == nil || codeOf(err) != c.code || !strings.Contains(err.Error(), c.says) {
								t.Errorf("the poison: %v", err)
							}
						case err != nil:
							t.Errorf("another: %v", err)
						case x > 0 && answer.jobs[0].decision.Class != 1:
							t.Errorf("another: %+v", answer.jobs[0])
						}
					})
				}
				calls.Wait()
			})
		})
	}
}

// Rows of different shapes may meet in one batch; each is run.
func TestMixedShapes(t *testing.T) {
	sum := func(_ context.Context, n int, in []stage.Tensor) ([]stage.Tensor, error) { return in, nil }
	synctest.Test(t, func(t *testing.T) {
		w := inBubble(t, modelOf("m", sum), launch.Setup{MaxBatch: 8, Window: time.Second}, 1)
		var calls sync.WaitGroup
		for i := range int64(4) {
			calls.Go(func() {
				x := stage.Float32("x", []int64{1, i + 1}, make([]float32, i+1))
				if _, err := w.answer(t.Context(), w.now(), &wire.Request{Fingerprint: w.fingerprint, Inputs: []stage.Tensor{x}}); err != nil {
					t.Error(err)
				}
			})
		}
		calls.Wait()
	})
}

// Beyond its limit a worker takes no row, and none of a request that does not fit as a whole.
func TestFull(t *testing.T) {
	g := newGate()
	r := start(t, modelOf("m", g.run), launch.Setup{Limit: 2})
	first := r.asking(t.Context(), 0, 0, 0, 0)
	<-g.entered
	if _, err := r.ask(t.Context(), make([]float32, 8)...); !errors.Is(err, remote.ErrRefused) {
		t.Errorf("two more: %v", err)
	}
	if n := r.load(); n != 1 {
		t.Errorf("%d rows are there", n)
	}
	second := r.asking(t.Context(), 0, 0, 0, 0)
	eventually(t, "it is there", func() bool { return r.load() == 2 })
	if _, err := r.ask(t.Context(), 0, 0, 0, 0); !errors.Is(err, remote.ErrRefused) {
		t.Errorf("a third: %v", err)
	}
	g.on <- struct{}{}
	g.on <- struct{}{}
	for _, o := range []outcome{<-first, <-second} {
		if o.err != nil {
			t.Error(o.err)
		}
	}
	if ran := g.ran(); !slices.Equal(ran, []int{1, 1}) {
		t.Errorf("batches of %v", ran)
	}
}

// As many calls as are allowed at once are read; more are refused before their bodies are.
func TestCallsAtOnce(t *testing.T) {
	g := newGate()
	r := start(t, modelOf("m", g.run), launch.Setup{}, func(l *limits) { l.calls = 1 })
	first := r.asking(t.Context(), 0, 0, 0, 0)
	<-g.entered
	if _, err := r.ask(t.Context(), 0, 0, 0, 0); !errors.Is(err, remote.ErrRefused) {
		t.Error(err)
	}
	if err := r.remote.Check(t.Context()); err != nil {
		t.Errorf("checks count as calls: %v", err)
	}
	g.on <- struct{}{}
	if o := <-first; o.err != nil {
		t.Error(o.err)
	}
}

// A worker that drains finishes what it has.
func TestDrain(t *testing.T) {
	g := newGate()
	r := start(t, modelOf("m", g.run), launch.Setup{})
	first := r.asking(t.Context(), 2, 0, 0, 0)
	<-g.entered
	for range 2 {
		if err := r.remote.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.ask(t.Context(), 0, 0, 0, 0); !errors.Is(err, remote.ErrRefused) || !strings.Contains(err.Error(), "draining") {
		t.Errorf("one more: %v", err)
	}
	if err := r.remote.Check(t.Context()); !errors.Is(err, remote.ErrRefused) {
		t.Errorf("check: %v", err)
	}
	select {
	case <-r.idle:
		t.Error("idle while a row runs")
	default:
	}
	g.on <- struct{}{}
	if o := <-first; o.err != nil || o.reply.Parts[0].Class[0] != 2 {
		t.Errorf("%+v", o)
	}
	<-r.idle
}
