package worker

import (
	"context"
	"errors"
	"reflect"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/remote"
)

// A request for two of three stages: one row leaves at each, and one goes on, with its
// activation and state. Rows that leave bring their logits only.
func TestReplySplits(t *testing.T) {
	r := start(t, voting, wholeOf(voting))
	x := rows(0, 1, 2, 2 /**/, 1, 1, 1, 1 /**/, 2, 0, 0, 0)
	reply, err := r.remote.Run(t.Context(), remote.Request{ID: "one", Stages: stage.Range{Last: 1}, Inputs: []stage.Tensor{x}})
	if err != nil {
		t.Fatal(err)
	}
	if reply.ID != "one" || reply.Model != "votes" || reply.Load != 0 || reply.Service <= 0 || len(reply.Parts) != 3 {
		t.Fatalf("%+v", reply)
	}
	for i, want := range []remote.Part{
		{Rows: []int{2}, Exited: true, Stage: 0, Class: []int{2}, Outputs: []stage.Tensor{stage.Float32(stage.Logits, []int64{1, 3}, []float32{0, 0, 10})}},
		{Rows: []int{1}, Exited: true, Stage: 1, Class: []int{1}, Outputs: []stage.Tensor{stage.Float32(stage.Logits, []int64{1, 3}, []float32{0, 10, 0})}},
		{Rows: []int{0}, Stage: 2, States: []exit.State{{Class: 1, Run: 1}}, Outputs: []stage.Tensor{rows(0, 1, 2, 2)}},
	} {
		got := reply.Parts[i]
		if want.Exited {
			if len(got.Confidence) != 1 || got.Confidence[0] < 0.999 {
				t.Errorf("part %d: confidence %v", i, got.Confidence)
			}
			want.Confidence = got.Confidence
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("part %d: %+v, want %+v", i, got, want)
		}
	}
	// And what goes on is taken from there, to the end: the last stage answers with all it has.
	reply, err = r.remote.Run(t.Context(), remote.Request{Stages: stage.Range{First: 2, Last: 2}, States: reply.Parts[2].States, Inputs: reply.Parts[2].Outputs})
	if err != nil || len(reply.Parts) != 1 || !reply.Parts[0].Exited || reply.Parts[0].Stage != 2 || reply.Parts[0].Class[0] != 2 || len(reply.Parts[0].Outputs) != 2 {
		t.Errorf("%+v, %v", reply, err)
	}
}

// A run of agreement that begins in one call goes on in the next.
func TestStatesTravel(t *testing.T) {
	r := start(t, voting, wholeOf(voting))
	exits := []exit.Policy{exit.Patience(2), exit.Patience(2), exit.Final()}
	x := []stage.Tensor{rows(1, 1, 2, 9)}
	whole, err := r.remote.Run(t.Context(), remote.Request{Stages: stage.Range{Last: 2}, Exits: exits, Inputs: x})
	if err != nil || whole.Parts[0].Stage != 1 || whole.Parts[0].Class[0] != 1 {
		t.Fatalf("in one call: %+v, %v", whole, err)
	}
	first, err := r.remote.Run(t.Context(), remote.Request{Stages: stage.Range{}, Exits: exits[:1], Inputs: x})
	if err != nil || first.Parts[0].Exited || first.Parts[0].States[0] != (exit.State{Class: 1, Run: 1}) {
		t.Fatalf("first: %+v, %v", first, err)
	}
	second := remote.Request{Stages: stage.Range{First: 1, Last: 2}, Exits: exits[1:], Inputs: first.Parts[0].Outputs, States: first.Parts[0].States}
	if reply, err := r.remote.Run(t.Context(), second); err != nil || !reflect.DeepEqual(reply.Parts, whole.Parts) {
		t.Errorf("second: %+v, %v; want %+v", reply, err, whole.Parts)
	}
	second.States = nil
	if reply, err := r.remote.Run(t.Context(), second); err != nil || reply.Parts[0].Stage != 2 {
		t.Errorf("without the state: %+v, %v", reply, err)
	}
}

// Rows that would be late come back: with what they entered with if nothing has been run,
// else with the activation.
func TestLateRowsComeBack(t *testing.T) {
	for _, c := range []struct {
		need []time.Duration
		want remote.Part
	}{
		{[]time.Duration{time.Hour, 0, 0}, remote.Part{Rows: []int{0, 1}, Stage: 0, States: []exit.State{{Class: 2, Run: 3}, {}}}},
		{[]time.Duration{0, 0, time.Hour}, remote.Part{Rows: []int{0, 1}, Stage: 2, States: []exit.State{{Class: 1, Run: 1}, {Class: 1, Run: 2}}, Outputs: []stage.Tensor{rows(0, 1, 2, 9, 1, 1, 1, 9)}}},
	} {
		setup := wholeOf(voting)
		setup.Need = c.need
		r := start(t, voting, setup)
		request := remote.Request{Stages: stage.Range{Last: 2}, Remaining: time.Minute, States: []exit.State{{Class: 2, Run: 3}, {}}, Inputs: []stage.Tensor{rows(0, 1, 2, 9, 1, 1, 1, 9)}}
		reply, err := r.remote.Run(t.Context(), request)
		if err != nil || len(reply.Parts) != 1 || !reflect.DeepEqual(reply.Parts[0], c.want) {
			t.Errorf("need %v: %+v, %v; want %+v", c.need, reply.Parts, err, c.want)
		}
		// The time left is the context's too.
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		request.Remaining = 0
		if reply, err := r.remote.Run(ctx, request); err != nil || !reflect.DeepEqual(reply.Parts[0], c.want) {
			t.Errorf("need %v: %+v, %v; want %+v", c.need, reply.Parts, err, c.want)
		}
		if reply, err := r.remote.Run(t.Context(), request); err != nil || !reply.Parts[0].Exited {
			t.Errorf("without a deadline: %+v, %v", reply, err)
		}
		r.end()
	}
}

// Rows whose tensors have come to differ in form are in parts of their own.
func TestRowsOfDifferentForm(t *testing.T) {
	grow := func(_ context.Context, n int, in []stage.Tensor) ([]stage.Tensor, error) {
		if n > 1 {
			return nil, errors.New("one at a time") // so that each may have a shape of its own
		}
		x, err := stage.Data[float32](in[0])
		if err != nil {
			return nil, err
		}
		length := int64(x[0])
		return []stage.Tensor{stage.Float32("x", []int64{1, length}, make([]float32, length)), stage.Float32(stage.Logits, []int64{1, 2}, []float32{1, 2})}, nil
	}
	m := stage.NewModel("grows", stage.New("a", stage.Func("1", grow), exit.Never()), stage.New("b", stage.Func("1", grow), exit.Final()))
	r := start(t, m, launch.Setup{Stages: stage.Range{Last: 1}})
	reply, err := r.remote.Run(t.Context(), remote.Request{Inputs: []stage.Tensor{rows(5, 0, 0, 0 /**/, 7, 0, 0, 0 /**/, 5, 0, 0, 0)}})
	if err != nil || len(reply.Parts) != 2 {
		t.Fatalf("%+v, %v", reply, err)
	}
	if a, b := reply.Parts[0], reply.Parts[1]; !reflect.DeepEqual(a.Rows, []int{0, 2}) || !reflect.DeepEqual(a.Outputs[0].Shape, []int64{2, 5}) ||
		!reflect.DeepEqual(b.Rows, []int{1}) || !reflect.DeepEqual(b.Outputs[0].Shape, []int64{1, 7}) {
		t.Errorf("%+v", reply.Parts)
	}
}

// What exits are asked beside changes nothing of what becomes of a row, and is answered for
// each exit that the row passes: also in two calls, with the states of the rows.
func TestExitsAreAskedBeside(t *testing.T) {
	r := start(t, voting, wholeOf(voting))
	x := []stage.Tensor{rows(0, 1, 2, 2 /**/, 1, 1, 1, 1 /**/, 2, 0, 0, 0)}
	request := remote.Request{Stages: stage.Range{Last: 2}, Inputs: x}
	plain, err := r.remote.Run(t.Context(), request)
	if err != nil || plain.Seen != nil {
		t.Fatalf("%+v, %v", plain.Seen, err)
	}
	request.Asked = []exit.Policy{exit.Patience(9), exit.Patience(9), exit.Final()}
	asked, err := r.remote.Run(t.Context(), request)
	if err != nil || !reflect.DeepEqual(asked.Parts, plain.Parts) {
		t.Fatalf("%+v, %v; want %+v", asked.Parts, err, plain.Parts)
	}
	if left := []int{len(asked.Seen[0]), len(asked.Seen[1]), len(asked.Seen[2])}; !reflect.DeepEqual(left, []int{3, 2, 1}) {
		t.Errorf("exits asked: %v", left)
	}
	request.Exits = []exit.Policy{exit.Never(), exit.Never(), exit.Final()}
	through, err := r.remote.Run(t.Context(), request)
	if err != nil || len(through.Parts) != 1 || through.Parts[0].Stage != 2 {
		t.Fatalf("%+v, %v", through.Parts, err)
	}
	for row, seen := range asked.Seen {
		if !reflect.DeepEqual(seen, through.Seen[row][:len(seen)]) {
			t.Errorf("row %d: %+v on its way out, %+v on its way through", row, seen, through.Seen[row])
		}
	}
	// The second row votes for 1 at each exit: its run of agreement grows, and is the score.
	if want := []remote.Seen{{Class: 1, Score: 1}, {Class: 1, Score: 2}}; !reflect.DeepEqual(through.Seen[1][:2], want) {
		t.Errorf("%+v, want %+v", through.Seen[1], want)
	}
	first := remote.Request{Stages: stage.Range{}, Exits: request.Exits[:1], Asked: request.Asked[:1], Inputs: x}
	one, err := r.remote.Run(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	rest := remote.Request{Stages: stage.Range{First: 1, Last: 2}, Exits: request.Exits[1:], Asked: request.Asked[1:], States: one.Parts[0].States, Inputs: one.Parts[0].Outputs}
	two, err := r.remote.Run(t.Context(), rest)
	if err != nil {
		t.Fatal(err)
	}
	for row, seen := range through.Seen {
		if got := append(one.Seen[row], two.Seen[row]...); !reflect.DeepEqual(got, seen) {
			t.Errorf("row %d: %+v in two calls, %+v in one", row, got, seen)
		}
	}
	rest.Asked = request.Asked
	if _, err := r.remote.Run(t.Context(), rest); !errors.Is(err, stage.ErrInput) {
		t.Errorf("three to ask at two stages: %v", err)
	}
}

// Idle rows run when nobody else's wait, on the only slot too.
func TestIdleRowsWait(t *testing.T) {
	gate, order := make(chan struct{}), make(chan float32, 8)
	m := stage.NewModel("gated", stage.New("s", stage.Func("1", func(_ context.Context, _ int, in []stage.Tensor) ([]stage.Tensor, error) {
		x, err := stage.Data[float32](in[0])
		if err != nil {
			return nil, err
		}
		<-gate
		order <- x[0]
		return []stage.Tensor{stage.Float32(stage.Logits, []int64{1, 2}, []float32{1, 2})}, nil
	}), exit.Final()))
	r := start(t, m, launch.Setup{})
	var calls sync.WaitGroup
	for i, idle := range []bool{false, true, false, true, false} { // the first takes the slot
		calls.Go(func() {
			if _, err := r.remote.Run(t.Context(), remote.Request{Idle: idle, Inputs: []stage.Tensor{rows(float32(i), 0, 0, 0)}}); err != nil {
				t.Error(err)
			}
		})
		for r.load() <= i {
			runtime.Gosched()
		}
	}
	close(gate)
	calls.Wait()
	for _, want := range []float32{0, 2, 4, 1, 3} {
		if got := <-order; got != want {
			t.Errorf("row %v ran, want %v", got, want)
		}
	}
}
