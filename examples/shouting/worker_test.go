package shouting

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv("SERFLOW_WORKER") != "" {
		time.AfterFunc(2*time.Minute, func() { os.Exit(9) }) // should a test forget it
	}
	Become()
	goleak.VerifyTestMain(m)
}

// start is this program as a cloud starts it, which is nothing but its environment and its input.
func start(t *testing.T, environment ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(environment, "GORACE=atexit_sleep_ms=0", "GCE_METADATA_HOST=127.0.0.1:1", "AWS_EC2_METADATA_DISABLED=true")
	return cmd
}

const told = `{"kind":"KIND","listen":"127.0.0.1:0","setup":"{\"stages\":{\"First\":0,\"Last\":1},\"credential\":\"of its owner alone\"}","credential":"of the platform","pace":1}`

// One program is a container of Cloud Run and the worker on a VM: it says where it serves.
func TestItServes(t *testing.T) {
	for what, c := range map[string]struct {
		environment []string
		input       string
	}{
		"a container": {[]string{"SERFLOW_WORKER=environment", "SERFLOW_START=" + strings.ReplaceAll(told, "KIND", "function")}, ""},
		"a VM":        {[]string{"SERFLOW_WORKER=stdin"}, strings.ReplaceAll(told, "KIND", "vm")},
	} {
		t.Run(what, func(t *testing.T) {
			cmd := start(t, c.environment...)
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer cmd.Wait()
			defer cmd.Process.Kill()
			if _, err := in.Write([]byte(c.input + "\n")); err != nil {
				t.Error(err)
			}
			lines := bufio.NewScanner(out)
			for lines.Scan() && lines.Text() == "" {
			}
			if !strings.HasPrefix(lines.Text(), `serflow-worker {"address":"127.0.0.1:`) {
				t.Errorf("it says %q", lines.Text())
			}
		})
	}
}

// The same program is a function of Lambda, which asks Lambda for its calls: here there is none.
func TestItIsAFunctionOfLambda(t *testing.T) {
	text, err := start(t, "SERFLOW_WORKER=lambda", "SERFLOW_START="+strings.ReplaceAll(told, "KIND", "function")).CombinedOutput()
	if err == nil || !strings.Contains(string(text), "this is not Lambda") {
		t.Errorf("%v: %s", err, text)
	}
}
