package serflow_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/worker"
)

func TestMain(m *testing.M) {
	rogue()
	dies()
	worker.Main(rentedModel)
	os.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0") // or else each child takes a second to exit
	goleak.VerifyTestMain(m)
}

// sure is a stage that is sure of class 1 in the rows whose x is at most depth.
// It passes x on.
func sure(depth float32) stage.RunFunc {
	return func(_ context.Context, rows int, in []stage.Tensor) ([]stage.Tensor, error) {
		x, err := stage.Data[float32](in[0])
		if err != nil {
			return nil, err
		}
		logits := make([]float32, 2*rows)
		for i, v := range x {
			if v <= depth {
				logits[2*i+1] = 9
			}
		}
		return []stage.Tensor{in[0], stage.Float32(stage.Logits, []int64{int64(rows), 2}, logits)}, nil
	}
}

// model has stages s1.. of the functions; all exits but the last want 0.9.
func model(stages ...stage.RunFunc) stage.Model {
	m := stage.Model{Name: "test"}
	for i, f := range stages {
		policy := exit.MaxProb(0.9)
		if i == len(stages)-1 {
			policy = exit.Final()
		}
		m.Stages = append(m.Stages, stage.New(fmt.Sprintf("s%d", i+1), stage.Func("1", f), policy))
	}
	return m
}

func open(t testing.TB, m stage.Model, options ...serflow.Option) *serflow.Pipeline {
	t.Helper()
	p, err := serflow.Open(t.Context(), m, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func x(v float32) stage.Tensor { return stage.Float32("x", nil, []float32{v}) }

func TestRowsLeaveAtTheirExit(t *testing.T) {
	var seen []int // rows that each stage got
	count := func(f stage.RunFunc) stage.RunFunc {
		return func(ctx context.Context, rows int, in []stage.Tensor) ([]stage.Tensor, error) {
			seen = append(seen, rows)
			return f(ctx, rows, in)
		}
	}
	p := open(t, model(count(sure(1)), count(sure(2)), count(sure(3))))
	got, err := p.InferBatch(t.Context(), stage.Float32("x", []int64{5}, []float32{3, 1, 2, 3, 1}))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{2, 0, 1, 2, 0} {
		logits, err := stage.Data[float32](got[i].Output("logits"))
		if got[i].Exit != want || got[i].Class != 1 || got[i].Err != nil || err != nil || len(logits) != 2 || logits[1] != 9 {
			t.Errorf("row %d: %+v, logits %v, %v", i, got[i], logits, err)
		}
		if hop := got[i].Path[0]; hop.Group != "s1..s3" || hop.First != 0 || hop.Last != want {
			t.Errorf("row %d: path %+v", i, got[i].Path)
		}
	}
	if fmt.Sprint(seen) != "[5 3 2]" {
		t.Errorf("stages got %v rows", seen)
	}
	s := p.Stats()
	if s.Requests != 5 || s.Failed != 0 || s.Stages[1].Reach != 0.6 || s.Stages[0].ExitRate != 0.4 || s.Stages[2].Exited != 2 || s.Stages[0].Latency.Count() != 1 {
		t.Errorf("stats %+v", s)
	}
}

func TestPatienceStateFollowsTheRow(t *testing.T) {
	m := model(sure(9), sure(9), sure(9))
	m.Stages[0].Exit, m.Stages[1].Exit = exit.Patience(2), exit.Patience(2)
	r, err := open(t, m).Infer(t.Context(), x(1))
	if err != nil || r.Exit != 1 {
		t.Fatalf("left at %d, %v; two exits agree at 1", r.Exit, err)
	}
}

func TestNotFiniteRowsGoOnAndAreCounted(t *testing.T) {
	bad := func(_ context.Context, rows int, in []stage.Tensor) ([]stage.Tensor, error) {
		return append(in[:1:1], stage.Float32(stage.Logits, []int64{1, 2}, []float32{float32(math.NaN()), 99})), nil
	}
	p := open(t, model(bad, sure(9)))
	r, err := p.Infer(t.Context(), x(1))
	if err != nil || r.Exit != 1 || p.Stats().Stages[0].NotFinite != 1 {
		t.Fatalf("%+v, %v, %+v", r, err, p.Stats())
	}
}

func TestOpenRefuses(t *testing.T) {
	if _, err := serflow.Open(t.Context(), stage.NewModel("m")); !errors.Is(err, serflow.ErrModel) {
		t.Errorf("no stages: %v", err)
	}
	for want, second := range map[string]failing{
		"no such file":      func() (stage.Runner, error) { return nil, errors.New("no such file") },
		"in Open: panic at": func() (stage.Runner, error) { panic("boom") },
		"nothing":           func() (stage.Runner, error) { return nil, nil },
	} {
		m := model(sure(1), sure(2))
		first := &closing{Source: m.Stages[0].Source}
		m.Stages[0].Source, m.Stages[1].Source = first, second
		var e *serflow.Error
		if _, err := serflow.Open(t.Context(), m); !errors.As(err, &e) || e.Stage != "s2" || first.closed != 1 || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; first stage closed %d times", want, err, first.closed)
		}
	}
}

type failing func() (stage.Runner, error)

func (f failing) Open(context.Context) (stage.Runner, error) { return f() }
func (failing) Fingerprint() (string, error)                 { return "failing", nil }

// closing counts how often its runner is closed.
type closing struct {
	stage.Source
	stage.Runner
	closed int
}

func (c *closing) Open(ctx context.Context) (r stage.Runner, err error) {
	c.Runner, err = c.Source.Open(ctx)
	return c, err
}
func (c *closing) Close() error { c.closed++; return nil }

func TestBadRequests(t *testing.T) {
	var c counter
	p := open(t, model(sure(1), sure(2)), serflow.Observe(&c))
	short := stage.Tensor{Name: "x", DType: stage.FP32, Shape: []int64{2}, Data: make([]byte, 4)}
	for name, infer := range map[string]func() error{
		"nothing":    func() error { _, err := p.Infer(t.Context()); return err },
		"length":     func() error { _, err := p.Infer(t.Context(), short); return err },
		"wrong type": func() error { _, err := p.Infer(t.Context(), stage.Of("x", nil, []int32{1})); return err },
		"no rows":    func() error { _, err := p.InferBatch(t.Context(), stage.Float32("x", []int64{0}, nil)); return err },
		"rows of nothing": func() error {
			_, err := p.InferBatch(t.Context(), stage.Tensor{Name: "x", DType: stage.FP32, Shape: []int64{1 << 59, 0}})
			return err
		},
		"rows differ": func() error {
			_, err := p.InferBatch(t.Context(), stage.Float32("x", []int64{1}, []float32{1}), stage.Float32("y", []int64{2}, []float32{1, 2}))
			return err
		},
	} {
		var e *serflow.Error
		if err := infer(); !errors.Is(err, serflow.ErrInput) || !errors.As(err, &e) || e.Remedy == "" || e.Stage != "s1" {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The first stage finds out that the type is wrong; the others never get there.
	if s := p.Stats(); s.Requests != 1 || s.Failed != 1 || s.Refused != 5 || c.failures.Load() != 6 {
		t.Errorf("stats %+v; observed %d failures", s, c.failures.Load())
	}
}

func TestBrokenStages(t *testing.T) {
	logits := func(rows, classes int64) stage.Tensor {
		return stage.Float32(stage.Logits, []int64{rows, classes}, make([]float32, rows*classes))
	}
	h := stage.Float32("h", []int64{2}, []float32{1, 1})
	returning := func(out ...stage.Tensor) stage.RunFunc {
		return func(context.Context, int, []stage.Tensor) ([]stage.Tensor, error) { return out, nil }
	}
	for want, broken := range map[string]stage.RunFunc{
		"boom":                 func(context.Context, int, []stage.Tensor) ([]stage.Tensor, error) { panic("boom") },
		"3 rows for 2":         returning(stage.Float32("h", []int64{3}, make([]float32, 3)), logits(3, 2)),
		"no tensors":           returning(),
		`no "logits"`:          returning(h),
		"nothing for stage":    returning(logits(2, 2)),
		"an earlier exit has":  returning(h, logits(2, 3)),
		"FP32 [rows, classes]": returning(h, stage.Of(stage.Logits, []int64{2, 2}, make([]int64, 4))),
		"wants x": func(context.Context, int, []stage.Tensor) ([]stage.Tensor, error) {
			return nil, fmt.Errorf("%w: wants x", stage.ErrInput)
		},
		"out of memory": func(context.Context, int, []stage.Tensor) ([]stage.Tensor, error) {
			return nil, errors.New("out of memory")
		},
	} {
		p := open(t, model(sure(1), broken, sure(9)))
		got, err := p.InferBatch(t.Context(), stage.Float32("x", []int64{3}, []float32{2, 1, 2}))
		var e *serflow.Error
		if !errors.As(err, &e) || e.Stage != "s2" || e.Remedy == "" || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
		if panicked := new(serflow.PanicError); errors.As(err, &panicked) != strings.Contains(want, "boom") ||
			strings.Contains(want, "boom") && !(strings.Contains(string(panicked.Stack), "TestBrokenStages") && strings.Contains(panicked.At, "serflow_test.go:")) {
			t.Errorf("%s: %+v", want, panicked)
		}
		if errors.Is(err, serflow.ErrInput) {
			t.Errorf("%s: blames the caller: %v", want, err)
		}
		if got[1].Err != nil || got[1].Class != 1 || got[0].Err == nil || got[2].Err == nil {
			t.Errorf("%s: the row that left keeps its answer, the others the error: %+v", want, got)
		}
		if s := p.Stats(); s.Requests != 3 || s.Failed != 2 {
			t.Errorf("%s: stats %+v", want, s)
		}
	}
}

func TestContextEndsAtEveryPoint(t *testing.T) {
	for at := range 4 { // before stage 1, in stage 1, 2, 3
		ctx, cancel := context.WithCancel(t.Context())
		step := 0
		cancelling := func(ctx context.Context, rows int, in []stage.Tensor) ([]stage.Tensor, error) {
			if step++; step == at {
				cancel()
				return nil, ctx.Err()
			}
			return sure(0)(ctx, rows, in)
		}
		if at == 0 {
			cancel()
		}
		p := open(t, model(cancelling, cancelling, cancelling))
		_, err := p.Infer(ctx, x(1))
		var e *serflow.Error
		if !errors.Is(err, context.Canceled) || !errors.As(err, &e) || e.Stage != fmt.Sprintf("s%d", max(1, at)) {
			t.Errorf("cancelled at %d: %v", at, err)
		}
		cancel()
	}
}

func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t, model(waiting(time.Hour)))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := p.Infer(ctx, x(1)); !errors.Is(err, serflow.ErrDeadline) || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
	})
}

func TestCauseKeepsTheSentinel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t, model(waiting(time.Hour)))
		budget := errors.New("budget")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, budget)
		defer cancel()
		if _, err := p.Infer(ctx, x(1)); !errors.Is(err, serflow.ErrDeadline) || !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, budget) {
			t.Fatal(err)
		}
	})
}

func TestClassesMayDifferBetweenRequests(t *testing.T) {
	columns := int64(3)
	p := open(t, model(func(context.Context, int, []stage.Tensor) ([]stage.Tensor, error) {
		return []stage.Tensor{stage.Float32(stage.Logits, []int64{1, columns}, make([]float32, columns))}, nil
	}))
	for columns = range int64(3) {
		columns += 2
		if _, err := p.Infer(t.Context(), x(1)); err != nil {
			t.Error(err)
		}
	}
}

func TestIdleShutdownIsNeverLate(t *testing.T) {
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for range 50 {
		if err := open(t, model(sure(1))).Shutdown(over); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNilArguments(t *testing.T) {
	p := open(t, model(sure(1)), nil, serflow.Observe(nil))
	if _, err := p.Infer(t.Context(), x(1)); err != nil {
		t.Error(err)
	}
	if _, err := serflow.Open(t.Context(), model(nil)); !errors.Is(err, serflow.ErrModel) {
		t.Error(err)
	}
}

func TestPanicInCloseIsAnErrorEachTime(t *testing.T) {
	m := model(sure(1))
	m.Stages[0].Source = panicking{m.Stages[0].Source}
	p, err := serflow.Open(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := p.Close(); !errors.Is(err, serflow.ErrStage) {
			t.Error(err)
		}
	}
}

// panicking opens runners whose Close panics.
type panicking struct{ stage.Source }
type panickingRunner struct{ stage.Runner }

func (p panicking) Open(ctx context.Context) (stage.Runner, error) {
	r, err := p.Source.Open(ctx)
	return panickingRunner{r}, err
}
func (panickingRunner) Close() error { panic("boom") }

// waiting is a final stage that takes d, or as long as the context allows.
func waiting(d time.Duration) stage.RunFunc {
	return func(ctx context.Context, rows int, in []stage.Tensor) ([]stage.Tensor, error) {
		select {
		case <-time.After(d):
			return sure(9)(ctx, rows, in)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func TestShutdownWaitsThenCancels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t, model(waiting(time.Minute)))
		infer := func() chan error {
			done := make(chan error, 1)
			go func() { _, err := p.Infer(t.Context(), x(1)); done <- err }()
			synctest.Wait()
			return done
		}
		early := infer()
		time.Sleep(50 * time.Second) // virtual
		late := infer()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if err := p.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-early; err != nil {
			t.Errorf("had time to finish: %v", err)
		}
		if err := <-late; !errors.Is(err, serflow.ErrClosed) {
			t.Errorf("had not: %v", err)
		}
		if _, err := p.Infer(t.Context(), x(1)); !errors.Is(err, serflow.ErrClosed) {
			t.Errorf("after shutdown: %v", err)
		}
	})
}

// A call with less patience ends the wait of an earlier one, and both say so.
func TestShutdownTwiceAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t, model(waiting(time.Hour)))
		request, first := make(chan error, 1), make(chan error, 1)
		go func() { _, err := p.Infer(t.Context(), x(1)); request <- err }()
		synctest.Wait()
		go func() { first <- p.Shutdown(t.Context()) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		second := p.Shutdown(ctx)
		if err := <-request; !errors.Is(err, serflow.ErrClosed) {
			t.Errorf("request: %v", err)
		}
		if err := <-first; !errors.Is(second, context.DeadlineExceeded) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("first %v, second %v", err, second)
		}
	})
}

// What has no answer does not look like one.
func TestUnanswered(t *testing.T) {
	p := open(t, model(sure(1), func(context.Context, int, []stage.Tensor) ([]stage.Tensor, error) {
		return nil, errors.New("broken")
	}, sure(9)))
	if r, err := p.Infer(t.Context()); err == nil || r.Exit != -1 || r.Class != -1 {
		t.Errorf("refused: %+v, %v", r, err)
	}
	if r, err := p.Infer(t.Context(), x(5)); err == nil || r.Exit != -1 || r.Class != -1 {
		t.Errorf("failed: %+v, %v", r, err)
	}
	results, err := p.InferBatch(t.Context(), stage.Float32("x", []int64{2}, []float32{1, 5}))
	if err == nil || results[0].Exit != 0 || results[1].Exit != -1 || results[1].Class != -1 {
		t.Errorf("a batch of which one row failed: %+v, %v", results, err)
	}
}

// A stage that has not run is not observed.
func TestNoStageRunsAfterTheDeadline(t *testing.T) {
	o := &stageCounter{}
	p := open(t, model(sure(1), sure(9)), serflow.Observe(o))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Infer(ctx, x(1)); !errors.Is(err, context.Canceled) || o.runs.Load() != 0 {
		t.Errorf("%v, %d runs", err, o.runs.Load())
	}
}

type stageCounter struct {
	serflow.NoObserver
	runs atomic.Int64
}

func (c *stageCounter) StageDone(context.Context, serflow.StageEvent) { c.runs.Add(1) }

// Sketches travel as JSON, and can be merged where they arrive.
func TestLatencyTravels(t *testing.T) {
	var zero, back serflow.Latency
	if zero.Count() != 0 || zero.Quantile(0.5) != 0 {
		t.Error("the zero latency has seen something")
	}
	l := serflow.NewLatency()
	l.Merge(zero)
	for i := range 1000 {
		l.Record(time.Duration(i) * time.Millisecond)
	}
	for _, sent := range []serflow.Latency{l, zero} {
		data, err := json.Marshal(sent)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, &back); err != nil {
			t.Fatal(err)
		}
		if back.Count() != sent.Count() || back.Quantile(0.9) != sent.Quantile(0.9) {
			t.Errorf("%d with p90 %v arrived as %d with %v", sent.Count(), sent.Quantile(0.9), back.Count(), back.Quantile(0.9))
		}
	}
	for _, broken := range []string{`{"sketch":"none"}`, `[]`, `{"sketch":7}`} {
		if err := json.Unmarshal([]byte(broken), &back); err == nil {
			t.Errorf("%s was taken", broken)
		}
	}
}

// counter checks that each request ends once.
type counter struct {
	serflow.NoObserver
	answers, failures atomic.Int64
}

func (c *counter) RequestDone(_ context.Context, e serflow.RequestEvent) {
	if e.Err != nil {
		c.failures.Add(1)
	} else {
		c.answers.Add(1)
	}
}

func TestCloseWhileRequestsRun(t *testing.T) {
	var c counter
	p := open(t, model(sure(1), sure(2)), serflow.Observe(&c))
	var answers, closed atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 500 {
				switch _, err := p.Infer(t.Context(), x(2)); {
				case err == nil:
					answers.Add(1)
				case errors.Is(err, serflow.ErrClosed):
					closed.Add(1)
				default:
					t.Error(err)
				}
				if answers.Load() == 1000 {
					wg.Go(func() { _ = p.Close() })
				}
			}
		})
	}
	wg.Wait()
	if n := answers.Load() + closed.Load(); n != 4000 || answers.Load() != c.answers.Load() || closed.Load() != c.failures.Load() || closed.Load() != p.Stats().Refused {
		t.Errorf("%d answers + %d refused, of 4000; observed %d and %d", answers.Load(), closed.Load(), c.answers.Load(), c.failures.Load())
	}
}

// An observer's panic is its owner's to see, and does not keep the pipeline open.
func TestPanickingObserver(t *testing.T) {
	p := open(t, model(sure(1)), serflow.Observe(panickingObserver{}))
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_, _ = p.Infer(t.Context(), x(1))
	}()
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

type panickingObserver struct{ serflow.NoObserver }

func (panickingObserver) RequestDone(context.Context, serflow.RequestEvent) { panic("boom") }

// What the caller does to its model after Open is not served.
func TestOpenCopiesTheStages(t *testing.T) {
	m := model(sure(1), sure(2))
	p := open(t, m)
	m.Stages[0] = stage.Stage{}
	if r, err := p.Infer(t.Context(), x(1)); err != nil || r.Exit != 0 {
		t.Error(r, err)
	}
}

func TestTextAnswers(t *testing.T) {
	texts := []string{"", "one", "日本"}
	echo := func(_ context.Context, _ int, in []stage.Tensor) ([]stage.Tensor, error) { return in, nil }
	got, err := open(t, model(echo)).InferBatch(t.Context(), stage.Strings("s", []int64{3, 1}, texts))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range texts {
		if s, err := stage.StringData(got[i].Output("s")); err != nil || len(s) != 1 || s[0] != want {
			t.Errorf("row %d: %q, %v", i, s, err)
		}
	}
}

// BenchmarkTextAnswers: time and memory a row do not grow with the batch.
func BenchmarkTextAnswers(b *testing.B) {
	echo := func(_ context.Context, _ int, in []stage.Tensor) ([]stage.Tensor, error) { return in, nil }
	p := open(b, model(echo))
	for _, rows := range []int{100, 10_000} {
		in := stage.Strings("s", []int64{int64(rows)}, make([]string, rows))
		b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.InferBatch(b.Context(), in); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*rows), "ns/row")
		})
	}
}

func TestLatencyMerges(t *testing.T) {
	a, b := serflow.NewLatency(), serflow.NewLatency()
	a.Record(time.Millisecond)
	b.Record(3 * time.Second)
	b.Record(100 * time.Hour) // clamped
	a.Merge(b)
	if q := a.Quantile(0.5); a.Count() != 3 || q < 2970*time.Millisecond || q > 3030*time.Millisecond {
		t.Fatalf("count %d, median %v", a.Count(), q)
	}
}

func BenchmarkInfer(b *testing.B) {
	// Four stages that do nothing: what is measured is the pipeline.
	out := []stage.Tensor{stage.Float32("x", []int64{1}, []float32{1}), stage.Float32(stage.Logits, []int64{1, 2}, []float32{0, 0})}
	noop := func(context.Context, int, []stage.Tensor) ([]stage.Tensor, error) { return out, nil }
	p := open(b, model(noop, noop, noop, noop))
	ctx, cancel := context.WithTimeout(b.Context(), time.Hour)
	defer cancel()
	in := x(1)
	b.ReportAllocs()
	for b.Loop() {
		if r, err := p.Infer(ctx, in); err != nil || r.Exit != 3 {
			b.Fatal(r, err)
		}
	}
}
