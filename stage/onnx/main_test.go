package onnx

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"testing"

	"github.com/serflow/serflow-go/stage"
	ort "github.com/yalue/onnxruntime_go"
	"go.uber.org/goleak"
)

// openVariable makes the test binary open the encoder with the library it
// names, print the error and exit: a process loads one library only.
const openVariable = "SERFLOW_ONNX_TEST_OPEN"

// hostVariable makes it a host that has set up ONNX Runtime by itself, from the
// library it names, before it opens a stage.
const hostVariable = "SERFLOW_ONNX_TEST_HOST"

func TestMain(m *testing.M) {
	if path, ok := os.LookupEnv(openVariable); ok {
		_, err := File("testdata/encoder.onnx", Library(path)).Open(context.Background())
		fmt.Println(err)
		os.Exit(0)
	}
	if path, ok := os.LookupEnv(hostVariable); ok {
		fmt.Println(hosted(path))
		os.Exit(0)
	}
	if err := loadRuntime(""); err != nil {
		fmt.Fprintln(os.Stderr, "the tests run the real ONNX Runtime:", err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// hosted opens, runs and closes a stage in an environment that is the host's, and
// reports whether it is left to the host to destroy.
func hosted(path string) error {
	ort.SetSharedLibraryPath(path)
	if err := ort.InitializeEnvironment(); err != nil {
		return err
	}
	// The library named here must not be looked at: the process has its runtime.
	r, err := File("testdata/encoder.onnx", Library("/nowhere/lib")).Open(context.Background())
	if err != nil {
		return err
	}
	x := ramp("x", 0, 1, 4)
	out, err := r.Run(context.Background(), 1, []stage.Tensor{x})
	if err == nil {
		err = checkEncoder(x, 1, out)
	}
	if err = errors.Join(err, r.Close()); err != nil {
		return err
	}
	if !ort.IsInitialized() {
		return errors.New("closing the stage has destroyed the host's environment")
	}
	return ort.DestroyEnvironment()
}

// openElsewhere is what Open says in another process.
func openElsewhere(t *testing.T, library string, env ...string) string {
	t.Helper()
	return elsewhere(t, append(env, openVariable+"="+library)...)
}

// elsewhere is what the test binary prints in another process.
func elsewhere(t *testing.T, env ...string) string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("subprocess: %v\n%s", err, out)
	}
	return string(out)
}

func mustOpen(t testing.TB, model string, opts ...Option) *runner {
	t.Helper()
	r, err := File("testdata/"+model+".onnx", opts...).Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r.(*runner)
}

func floats(name string, shape []int64, values ...float32) stage.Tensor {
	var data []byte
	for _, v := range values {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
	}
	return stage.Tensor{Name: name, DType: stage.FP32, Shape: shape, Data: data}
}

// ramp has the values first, first+1, and so on.
func ramp(name string, first float32, shape ...int64) stage.Tensor {
	n, _ := stage.Elements(shape)
	values := make([]float32, n)
	for i := range values {
		values[i] = first + float32(i)
	}
	return floats(name, shape, values...)
}

func valuesOf(t stage.Tensor) []float32 {
	values := make([]float32, len(t.Data)/4)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(t.Data[4*i:]))
	}
	return values
}
