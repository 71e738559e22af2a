package remote_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/remote"
	"github.com/serflow/serflow-go/stage/worker"
)

// servedModel is the variable that says which model a child serves.
const servedModel = "REMOTE_TEST_MODEL"

func TestMain(m *testing.M) {
	if os.Getenv(launch.Environment) != "" {
		time.AfterFunc(time.Minute, func() { os.Exit(9) }) // should a test forget it
		worker.Main(served(os.Getenv(servedModel)))
	}
	os.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0") // or else each child takes a second to exit
	goleak.VerifyTestMain(m)
}

// served is the model of three stages, or one of its stages as a model of its own.
func served(name string) stage.Model {
	for k := range 3 {
		if name == fmt.Sprint("votes", k) {
			return stage.NewModel(name, stage.New("only", stage.Func("1", votes(k)), exit.Final()))
		}
	}
	return voting(exit.Patience(2), exit.Patience(2))
}

// voting is the model of three stages.
func voting(a, b exit.Policy) stage.Model {
	return stage.NewModel("votes", stage.New("a", stage.Func("1", votes(0)), a), stage.New("b", stage.Func("1", votes(1)), b), stage.New("c", stage.Func("1", votes(2)), exit.Final()))
}

// votes is a stage whose input is x: the class that each of three exits finds, and the exit
// at which the row is sure of it.
func votes(k int) stage.RunFunc {
	return func(_ context.Context, rows int, in []stage.Tensor) ([]stage.Tensor, error) {
		x, err := stage.Data[float32](in[0])
		if err != nil || in[0].Name != "x" || len(x) != 4*rows {
			return nil, fmt.Errorf("%w: want x, FP32 of 4 values a row", stage.ErrInput)
		}
		logits := make([]float32, 3*rows)
		for i := range rows {
			row := x[4*i : 4*i+4]
			if row[3] < 0 {
				return nil, fmt.Errorf("stage %d is out of order", k)
			}
			if logits[3*i+int(row[k])] = 0.3; int(row[3]) <= k {
				logits[3*i+int(row[k])] = 10
			}
		}
		return []stage.Tensor{in[0], stage.Float32(stage.Logits, []int64{int64(rows), 3}, logits)}, nil
	}
}

// samples are rows of all kinds.
var samples = [][]float32{{0, 0, 0, 0}, {1, 2, 0, 1}, {0, 1, 2, 2}, {1, 1, 2, 9}, {2, 1, 1, 9}, {0, 1, 2, 9}}

// batchOf is rows as one batch.
func batchOf(list ...[]float32) stage.Tensor {
	var all []float32
	for _, x := range list {
		all = append(all, x...)
	}
	return stage.Float32("x", []int64{int64(len(list)), 4}, all)
}

const secret = "fleet's"

// spawn starts a worker in a process of its own, until the end of the test.
func spawn(t *testing.T, model string) (address string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), launch.Environment+"="+launch.Stdin, servedModel+"="+model)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	setup := launch.Setup{Credential: secret, MaxBatch: 4, Stages: stage.Range{Last: len(served(model).Stages) - 1}}
	if err := json.NewEncoder(stdin).Encode(launch.Start{Kind: launch.VM, Listen: "127.0.0.1:0", Setup: setup.String(), Pace: 1}); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if r, ok, err := launch.ParseReady(lines.Text()); ok {
			if err != nil || r.Error != "" {
				t.Fatal(err, r.Error)
			}
			go io.Copy(io.Discard, stdout)
			return r.Address
		}
	}
	t.Fatal("the worker said nothing")
	panic("not reached")
}

// transport is one that ends with the test.
func transport(t *testing.T) *http.Transport {
	tr := remote.NewTransport()
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}
