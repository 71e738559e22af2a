//go:build peers

package aws_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/aws"
)

// These tests talk to programs that others wrote: .ci/peers installs them, says where they are, and
// runs the tests. Without them the tests fail.

// installed is what a variable of .ci/peers says.
func installed(t testing.TB, variable string) string {
	t.Helper()
	value := os.Getenv(variable)
	if value == "" {
		t.Fatalf("%s is not set: run .ci/peers", variable)
	}
	return value
}

// serverless starts npm's serverless-offline, and returns the URL of the port that takes the SDK's Invoke.
func serverless(t testing.TB) (url string) {
	t.Helper()
	dir := t.TempDir()
	if err := errors.Join(os.CopyFS(dir, os.DirFS("testdata/serverless")), os.Symlink(installed(t, "SERFLOW_SERVERLESS"), filepath.Join(dir, "node_modules"))); err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	var log bytes.Buffer // read when the program has ended
	cmd := exec.Command("node", "node_modules/serverless/bin/serverless.js", "offline", "start", "--host", "127.0.0.1",
		"--httpPort", freePort(t), "--lambdaPort", port, "--terminateIdleLambdaTime", "600")
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &log, &log
	cmd.Env = append(os.Environ(), "SLS_TELEMETRY_DISABLED=1", "SLS_NOTIFICATIONS_MODE=off", "CI=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		cmd.Wait()
	}()
	end := func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-ended
	}
	t.Cleanup(end)
	url = "http://127.0.0.1:" + port
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Second}
	for until := time.Now().Add(90 * time.Second); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		if r, err := client.Get(url); err == nil {
			r.Body.Close()
			return url
		}
		select {
		case <-ended:
			t.Fatalf("serverless offline has ended:\n%s", &log)
		default:
		}
	}
	end()
	t.Fatalf("serverless offline is not ready:\n%s", &log)
	return ""
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
}

// offline is how the SDK is told of serverless-offline.
func offline(t testing.TB) *sdk.Config {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &sdk.Config{
		Region: region, BaseEndpoint: sdk.String(serverless(t)), HTTPClient: &http.Client{Transport: transport},
		Credentials: sdk.CredentialsProviderFunc(func(context.Context) (sdk.Credentials, error) {
			return sdk.Credentials{AccessKeyID: "AKID", SecretAccessKey: "key"}, nil
		}),
	}
}

// invoke calls a function of serverless-offline, which names them after service and stage.
type invoke func(function string, body []byte) (providers.Invocation, error)

func TestServerlessOffline(t *testing.T) {
	l := aws.Functions(aws.FunctionOptions{Role: role, Config: offline(t)})
	call := func(function string, body []byte) (providers.Invocation, error) {
		return l.Invoke(t.Context(), "peer-test-"+function, body)
	}
	for name, test := range map[string]func(*testing.T, invoke){
		"bodies": peerBodies, "errors": peerErrors, "concurrency": peerConcurrency, "cold starts": peerColdStarts,
	} {
		t.Run(name, func(t *testing.T) { test(t, call) })
	}
}

// Our Invoke beside the SDK's, as in BenchmarkInvoke, to a Lambda that we did not write.
func BenchmarkInvokeOffline(b *testing.B) {
	config := offline(b)
	sideBySide(b, aws.Functions(aws.FunctionOptions{Role: role, Config: config}), lambda.NewFromConfig(*config), "peer-test-echo")
}

// Bodies of any bytes and any length come back as they were, but for none: serverless-offline answers
// an empty text with nothing at all.
func peerBodies(t *testing.T, call invoke) {
	long := bytes.Repeat([]byte{0, 1, 254, 255, '"', '\\', '\n'}, 200_000)
	for _, n := range []int{1, 2, 3, 1000, 1_000_003, len(long)} {
		got, err := call("echo", long[:n])
		if err != nil || !bytes.Equal(got.Body, long[:n]) || got.Billed <= 0 {
			t.Errorf("%d bytes: %d bytes back, billed %v, %v", n, len(got.Body), got.Billed, err)
		}
	}
}

// A function's own error, one that takes too long and one that is not there are told apart.
func peerErrors(t *testing.T, call invoke) {
	for function, c := range map[string]struct {
		want error
		says string
	}{
		"fail":   {providers.ErrFunction, "it was told to"},
		"slow":   {providers.ErrFunction, "timeout"}, // in its own words, not in Lambda's
		"nobody": {providers.ErrNotFound, "Ensure it first"},
	} {
		_, err := call(function, []byte("abc"))
		isError(t, err, c.want, c.says)
	}
}

// Calls run at the same time, each waits for the others, in an instance of its own; and as many calls at once
// find these again, which is why Ensure warms a function by calls that overlap.
func peerConcurrency(t *testing.T, call invoke) {
	const calls = 4
	instances := func() []string {
		body := fmt.Append(nil, t.TempDir(), " ", calls)
		answers, errs := make(chan string, calls), make(chan error, calls)
		for range calls {
			go func() {
				got, err := call("together", body)
				answers <- string(got.Body)
				errs <- err
			}()
		}
		seen := map[string]bool{}
		for range calls {
			seen[<-answers] = true
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		return slices.Sorted(maps.Keys(seen))
	}
	warmed := instances()
	if again := instances(); len(warmed) != calls || !slices.Equal(again, warmed) {
		t.Errorf("instances %v, and then %v", warmed, again)
	}
}

// The first call starts an instance, which is there for the second.
func peerColdStarts(t *testing.T, call invoke) {
	for _, want := range []string{"1", "2"} {
		if got, err := call("count", nil); err != nil || string(got.Body) != want {
			t.Errorf("the instance has had %q calls, %v; want %s", got.Body, err, want)
		}
	}
}
