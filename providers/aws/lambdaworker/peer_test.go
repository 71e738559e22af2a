//go:build peers

package lambdaworker_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"

	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/providers/aws"
)

// emulated is a function under AWS's own emulator of Lambda's runtime interface, which .ci/peers installs:
// this program, as it would be in a container image.
func emulated(t *testing.T, setup launch.Setup) function {
	t.Helper()
	emulator := os.Getenv("SERFLOW_LAMBDA_RIE")
	if emulator == "" {
		t.Fatal("SERFLOW_LAMBDA_RIE is not set: run .ci/peers")
	}
	start, err := json.Marshal(launch.Start{Kind: launch.Function, Setup: setup.String(), Pace: 1}) // as package aws tells it
	if err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, emulator, "--runtime-interface-emulator-address", address, "--runtime-api-address", freeAddress(t), os.Args[0])
	cmd.Env = append(os.Environ(), launch.Environment+"=lambda", "SERFLOW_START="+string(start), "AWS_LAMBDA_FUNCTION_TIMEOUT=30", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=1769")
	var log bytes.Buffer // read when the program has ended
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &log, &log, 5*time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(func() {
		cancel()
		cmd.Wait()
		transport.CloseIdleConnections()
		if t.Failed() {
			t.Log(&log)
		}
	})
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
			break
		}
		if time.Now().After(end) {
			t.Fatal("the emulator is not ready")
		}
	}
	config := sdk.Config{
		Region: "us-east-1", BaseEndpoint: sdk.String("http://" + address), HTTPClient: &http.Client{Transport: transport, Timeout: 30 * time.Second},
		Credentials: sdk.CredentialsProviderFunc(func(context.Context) (sdk.Credentials, error) {
			return sdk.Credentials{AccessKeyID: "AKID", SecretAccessKey: "key"}, nil
		}),
	}
	return function{aws.Functions(aws.FunctionOptions{Role: "arn:aws:iam::123456789012:role/worker", Config: &config}), config, "function"}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// Requests take their way to the exit at which they leave, with an answer of a MB too.
func TestTheEmulatorOfAWS(t *testing.T) {
	f := emulated(t, whole)
	for _, c := range []struct {
		row  float32
		exit int
	}{{1, 0}, {-2, 1}, {-3e5, 1}, {2, 0}} {
		reply, inv, err := f.ask(t, c.row)
		if err != nil || len(reply.Parts) != 1 || !reply.Parts[0].Exited || reply.Parts[0].Stage != c.exit || inv.Billed <= 0 {
			t.Errorf("%v: billed %v, %v; want exit %d", c.row, inv.Billed, err, c.exit)
		}
	}
}
