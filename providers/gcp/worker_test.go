package gcp_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/run/apiv2/runpb"
	"go.uber.org/goleak"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/internal/fakegcp"
	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/gcp"
	"github.com/serflow/serflow-go/providers/gcp/preemption"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/worker"
)

func TestMain(m *testing.M) {
	worker.Main(twoStages, worker.InterruptWhen(preemption.Notice))
	os.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0") // or else each child takes a second to exit
	goleak.VerifyTestMain(m)
}

// upTo is a stage that is sure of class 1 if x is at most depth.
func upTo(depth float32) stage.RunFunc {
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

var twoStages = stage.NewModel("two", stage.New("s1", stage.Func("1", upTo(1)), exit.MaxProb(0.9)), stage.New("s2", stage.Func("1", upTo(2)), exit.Final()))

// child is a container: a process that is told what to serve as a container of Cloud Run is.
type child struct {
	*httputil.ReverseProxy
	cmd       *exec.Cmd
	transport *http.Transport
}

// processes are containers that are processes of this program. Only the address is another: a
// process has no port 8080 of its own.
func processes(r *runpb.RevisionTemplate) (http.Handler, error) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	for _, v := range r.Containers[0].Env {
		value := v.GetValue()
		if v.Name == launch.StartVariable {
			var start launch.Start
			if err := json.Unmarshal([]byte(value), &start); err != nil || start.Listen != fmt.Sprint("0.0.0.0:", r.Containers[0].Ports[0].ContainerPort) {
				return nil, fmt.Errorf("%q, %v", start.Listen, err)
			}
			start.Listen = "127.0.0.1:0"
			b, _ := json.Marshal(start)
			value = string(b)
		}
		cmd.Env = append(cmd.Env, v.Name+"="+value)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		ready, ok, err := launch.ParseReady(lines.Text())
		if !ok {
			continue
		}
		c := &child{cmd: cmd, transport: &http.Transport{}}
		if err != nil || ready.Error != "" {
			c.Close()
			return nil, fmt.Errorf("the container failed to start: %s, %w", ready.Error, err)
		}
		c.ReverseProxy = httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: ready.Address})
		c.Transport = c.transport
		if err := c.probe("http://" + ready.Address + r.Containers[0].StartupProbe.GetHttpGet().Path); err != nil {
			c.Close()
			return nil, err
		}
		return c, nil
	}
	return nil, fmt.Errorf("the container ended: %w", cmd.Wait())
}

// probe is the startup probe.
func (c *child) probe(url string) error {
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	answer, err := c.transport.RoundTrip(r)
	if err != nil {
		return err
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the startup probe: status %d", answer.StatusCode)
	}
	return nil
}

func (c *child) Close() error {
	c.transport.CloseIdleConnections()
	c.cmd.Process.Kill()
	c.cmd.Wait()
	return nil
}

// network sends what is for services of Cloud Run to a server on this machine, over real
// connections.
type network struct {
	*http.Transport
	address string
	calls   *atomic.Int64
}

func (n network) RoundTrip(r *http.Request) (*http.Response, error) {
	n.calls.Add(1)
	there := r.Clone(r.Context())
	there.Host, there.URL.Scheme, there.URL.Host = r.URL.Host, "http", n.address
	return n.Transport.RoundTrip(there)
}

// realWorkers is a cloud whose containers are real workers, and options that reach it.
func realWorkers(t *testing.T) (*fakegcp.Cloud, gcp.FunctionOptions) {
	cloud := fakegcp.New(fakegcp.Options{Project: project, Region: region, Container: processes, Deploying: 10 * time.Millisecond})
	server := httptest.NewUnstartedServer(cloud)
	var connections, calls atomic.Int64
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	o := functionOptions(t, cloud)
	to := network{&http.Transport{}, server.Listener.Addr().String(), &calls}
	o.HTTP = &http.Client{Transport: to}
	t.Cleanup(func() {
		to.CloseIdleConnections()
		server.Close()
		cloud.Close()
		// These tests call one after the other; a call that a busy machine has broken off takes its connection along.
		if n := connections.Load(); n > 1 && 2*n > calls.Load() {
			t.Errorf("%d connections for %d calls: they are not kept", n, calls.Load())
		}
	})
	return cloud, o
}

// A service of Cloud Run serves a model with the program that rents it: the worker reads what it is
// told from its environment, answers the startup probe, and takes calls that are binary.
func TestTheRealWorkerOnCloudRun(t *testing.T) {
	cloud, o := realWorkers(t)
	p, err := serflow.Open(t.Context(), twoStages, serflow.On(nil, gcp.Functions(o)), serflow.Owner("shop"))
	if err != nil {
		t.Fatal(err)
	}
	for x, exit := range map[float32]int{1: 0, 2: 1} {
		r, err := p.Infer(t.Context(), stage.Float32("x", nil, []float32{x}))
		if err != nil || r.Exit != exit || r.Class != 1 || len(r.Path) != 1 || r.Path[0].Provider != "gcp" || r.Dollars < 0.4e-6+0.1*0.000029*(1-1e-9) {
			t.Errorf("%v: %+v, %v", x, r, err)
		}
	}
	if err := p.Teardown(t.Context()); err != nil {
		t.Error(err)
	}
	if list, err := gcp.Functions(o).List(t.Context(), "shop"); err != nil || len(list) != 0 {
		t.Errorf("left: %v, %v", list, err)
	}
	if n := cloud.Calls()["run.services.create"]; n != 1 {
		t.Errorf("%d services were made", n)
	}
}

// A body of which nothing is known is an answer of the worker, in a frame, and no failure of the
// call: it is told how long the worker took to begin.
func TestTheRealWorkerSaysHowLongItTook(t *testing.T) {
	_, o := realWorkers(t)
	r := gcp.Functions(o)
	s := specOf(t, r)
	s.Setup = launch.Setup{Stages: stage.Range{Last: 1}}.String()
	id := ensured(t, r, s)
	var calls []providers.Invocation
	for range 2 {
		inv, err := r.Invoke(t.Context(), id, []byte("no frame"))
		if err != nil {
			t.Fatal(err)
		}
		calls = append(calls, inv)
	}
	if calls[0].Cold <= 0 || calls[1].Cold != 0 || string(calls[0].Body[:4]) != "SFW1" {
		t.Errorf("%+v", calls)
	}
	if err := r.Remove(t.Context(), id); err != nil {
		t.Error(err)
	}
}

var _ io.Closer = (*child)(nil)
