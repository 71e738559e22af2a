package worker_test

import (
	"context"
	"fmt"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/worker"
)

func same(_ context.Context, _ int, in []stage.Tensor) ([]stage.Tensor, error) { return in, nil }

// The service and its workers are one program, and so always have the same model.
var model = stage.NewModel("shared",
	stage.New("shallow", stage.Func("1", same), exit.Never()),
	stage.New("deep", stage.Func("1", same), exit.Final()),
)

func ExampleMain() {
	worker.Main(model) // a process that was started as a worker does not come back

	p, err := serflow.Open(context.Background(), model) // with serflow.On(vms, functions) it rents
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close()
	r, err := p.Infer(context.Background(), stage.Float32("x", []int64{2}, []float32{1, 2}))
	fmt.Println(r.Output("x").Shape, err)
	// Output: [2] <nil>
}
