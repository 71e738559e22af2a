package remote_test

import (
	"context"
	"fmt"
	"net/http/httptest"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/remote"
)

// The deep part of a model stays on an inference server; the first stage runs here and
// answers what is easy.
func ExampleStage() {
	server := httptest.NewServer(&independent{binary: true}) // such as Triton
	defer server.Close()
	transport := remote.NewTransport()
	defer transport.CloseIdleConnections()

	ctx := context.Background()
	p, err := serflow.Open(ctx, stage.NewModel("votes",
		stage.New("here", stage.Func("1", votes(0)), exit.MaxProb(0.9)),
		stage.New("there", remote.Stage(server.URL, "votes1", remote.Version("2024-05"), remote.Transport(transport)), exit.Final()),
	))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close()
	for _, x := range [][]float32{{2, 0, 0, 0}, {0, 1, 0, 1}} {
		r, err := p.Infer(ctx, stage.Float32("x", []int64{4}, x))
		fmt.Println("exit", r.Exit, "class", r.Class, err)
	}
	// Output:
	// exit 0 class 2 <nil>
	// exit 1 class 1 <nil>
}
