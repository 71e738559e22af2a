package lambdaworker_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"go.uber.org/goleak"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/internal/fakeaws"
	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/aws"
	"github.com/serflow/serflow-go/providers/aws/lambdaworker"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/remote"
)

// model answers a row above 0 at its first stage, and others at its second, with so much more as the
// row says; it crashes at -100.
var model = stage.NewModel("lambda",
	stage.New("a", stage.Func("a", func(_ context.Context, rows int, in []stage.Tensor) ([]stage.Tensor, error) {
		x, err := stage.Data[float32](in[0])
		if err != nil {
			return nil, err
		}
		logits := make([]float32, 2*rows)
		for i, v := range x {
			if v == -100 {
				fmt.Fprintln(os.Stderr, "a crash")
				os.Exit(3)
			}
			logits[2*i] = 100 * max(0, v)
		}
		return []stage.Tensor{in[0], stage.Float32(stage.Logits, []int64{int64(rows), 2}, logits)}, nil
	}), exit.MaxProb(0.9)),
	stage.New("b", stage.Func("b", func(_ context.Context, rows int, in []stage.Tensor) ([]stage.Tensor, error) {
		x, err := stage.Data[float32](in[0])
		if err != nil {
			return nil, err
		}
		return []stage.Tensor{
			stage.Float32(stage.Logits, []int64{int64(rows), 2}, make([]float32, 2*rows)),
			stage.Float32("more", []int64{int64(rows), int64(-x[0])}, make([]float32, rows*int(-x[0]))),
		}, nil
	}), exit.Final()),
)

func TestMain(m *testing.M) {
	if os.Getenv(launch.Environment) != "" {
		time.AfterFunc(time.Minute, func() { os.Exit(9) }) // should a test forget it
	}
	os.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0") // or else each child takes a second to exit
	lambdaworker.Main(model)
	goleak.VerifyTestMain(m)
}

// function is one on a fake of AWS that runs this program.
type function struct {
	*aws.Lambda
	config sdk.Config
	id     string
}

func newFunction(t *testing.T, setup launch.Setup) function {
	t.Helper()
	cloud := fakeaws.New(fakeaws.Options{Region: "us-east-1", Program: func(environment map[string]string) *exec.Cmd {
		cmd := exec.Command(os.Args[0])
		cmd.Env = os.Environ()
		for name, value := range environment {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
		return cmd
	}})
	t.Cleanup(cloud.Close)
	config := sdk.Config{
		Region: "us-east-1", BaseEndpoint: sdk.String("https://aws.test"), HTTPClient: fakeaws.Client{Cloud: cloud},
		Credentials: sdk.CredentialsProviderFunc(func(context.Context) (sdk.Credentials, error) {
			return sdk.Credentials{AccessKeyID: "AKID", SecretAccessKey: "key"}, nil
		}),
	}
	l := aws.Functions(aws.FunctionOptions{
		Role: "arn:aws:iam::123456789012:role/worker", Code: "123456789012.dkr.ecr.us-east-1.amazonaws.com/worker:1", Config: &config,
	})
	f, err := l.Ensure(t.Context(), providers.FunctionSpec{Owner: "shop", Offer: aws.Sizes()[0], Stages: setup.Stages, Setup: setup.String()})
	if err != nil {
		t.Fatal(err)
	}
	return function{l, config, f.ID}
}

// whole is what a function of the whole model is told.
var whole = launch.Setup{Stages: stage.Range{Last: 1}}

// ask sends a row through the model, as a service does.
func (f function) ask(t *testing.T, row float32) (remote.Reply, providers.Invocation, error) {
	t.Helper()
	fingerprint, err := model.Fingerprint()
	if err != nil {
		t.Fatal(err)
	}
	var inv providers.Invocation
	reply, err := remote.Over(t.Context(), remote.Request{
		Fingerprint: fingerprint, Stages: whole.Stages, Inputs: []stage.Tensor{stage.Float32("x", []int64{1, 1}, []float32{row})},
	}, func(ctx context.Context, body []byte) (answer []byte, err error) {
		inv, err = f.Invoke(ctx, f.id, body)
		return inv.Body, err
	})
	return reply, inv, err
}

// A row takes its way from the SDK through Lambda's runtime API to the model, and leaves at its
// exit. Initialisation is paid once.
func TestRequestsOverLambda(t *testing.T) {
	f := newFunction(t, whole)
	for i, c := range []struct {
		row  float32
		exit int
	}{{1, 0}, {-2, 1}, {2, 0}} {
		reply, inv, err := f.ask(t, c.row)
		if err != nil || len(reply.Parts) != 1 || !reply.Parts[0].Exited || reply.Parts[0].Stage != c.exit {
			t.Errorf("%v: %+v, %v; want exit %d", c.row, reply.Parts, err, c.exit)
		}
		if cold := inv.Cold > 0; cold != (i == 0) || inv.Billed <= inv.Cold {
			t.Errorf("call %d: %v, of which %v to initialise", i, inv.Billed, inv.Cold)
		}
	}
}

// What nobody can use is answered, in words of the worker; what no version ever sent is an error of
// the function.
func TestWhatIsNoRequest(t *testing.T) {
	f := newFunction(t, whole)
	inv, err := f.Invoke(t.Context(), f.id, nil) // as when Ensure looks whether new code can start
	if err != nil || !strings.Contains(string(inv.Body), "serflow_code") {
		t.Errorf("%q, %v", inv.Body, err)
	}
	out, err := lambda.NewFromConfig(f.config).Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &f.id, Qualifier: sdk.String("live"), Payload: []byte(`{"a":1}`)})
	if err != nil || out.FunctionError == nil || !strings.Contains(string(out.Payload), "no JSON text of base64") {
		t.Errorf("%+v, %v", out, err)
	}
	if _, _, err := f.ask(t, -2e6); !errors.Is(err, stage.ErrInput) || !strings.Contains(err.Error(), "send fewer rows") {
		t.Errorf("an answer that Lambda would not carry: %v", err)
	}
}

// A program that crashes takes its call with it, and the next call has another.
func TestACrash(t *testing.T) {
	f := newFunction(t, whole)
	if _, _, err := f.ask(t, 1); err != nil {
		t.Fatal(err)
	}
	_, _, err := f.ask(t, -100)
	if !errors.Is(err, providers.ErrFunction) || !strings.Contains(err.Error(), "exit status 3") {
		t.Error(err)
	}
	if _, inv, err := f.ask(t, 1); err != nil || inv.Cold == 0 {
		t.Errorf("%+v, %v", inv, err)
	}
}

// Why a function cannot start is what its callers read.
func TestAModelThatCannotBeOpened(t *testing.T) {
	f := newFunction(t, launch.Setup{Stages: stage.Range{Last: 7}})
	_, inv, err := f.ask(t, 1)
	if !errors.Is(err, providers.ErrFunction) || !strings.Contains(err.Error(), "stages 1-8 of a model of 2") || inv.Billed == 0 {
		t.Errorf("%+v, %v", inv, err)
	}
}

// A program that is told that it is on Lambda, and is not, says so.
func TestNotOnLambda(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), launch.Environment+"=lambda", `SERFLOW_START={"setup":"{\"stages\":{\"First\":0,\"Last\":1}}","pace":1}`)
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "this is not Lambda") {
		t.Errorf("%q, %v", out, err)
	}
	lambdaworker.Main(model) // and elsewhere it returns
}
