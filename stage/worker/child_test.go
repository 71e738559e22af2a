package worker

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/remote"
)

// gateFile is the variable that names the file which a child's stage waits for.
const gateFile = "WORKER_TEST_GATE"

// childModel has a stage that waits until a file exists.
var childModel = modelOf("child", func(ctx context.Context, n int, in []stage.Tensor) ([]stage.Tensor, error) {
	path := os.Getenv(gateFile)
	os.WriteFile(path+".begun", nil, 0o600)
	for {
		if _, err := os.Stat(path); err == nil {
			return votes(0)(ctx, n, in)
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
})

// asChild is what the test binary does as a child.
func asChild() {
	time.AfterFunc(time.Minute, func() { os.Exit(9) }) // should a test forget it
	fmt.Print("printed by an init function")
	Main(childModel, InterruptWhen(noMetadata), InterruptWhen(noticeFile))
	panic("Main returned in a child")
}

// noticeFile waits for the file that tells a child of its machine's end.
func noticeFile(ctx context.Context) error {
	for {
		if _, err := os.Stat(os.Getenv(gateFile) + ".notice"); err == nil {
			return nil
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// noMetadata is what waiting comes to on another cloud.
func noMetadata(context.Context) error { return errors.New("no such server") }

// process is a child.
type process struct {
	*exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Scanner
	stderr strings.Builder
	gate   string
}

func spawn(t *testing.T, mark, start string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(os.Args[0]), gate: filepath.Join(t.TempDir(), "gate")}
	p.Env = append(os.Environ(), launch.Environment+"="+mark, gateFile+"="+p.gate)
	p.Stderr = &p.stderr
	var err error
	if p.stdin, err = p.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.stdout = bufio.NewScanner(stdout)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Process.Kill()
		p.Wait()
	})
	io.WriteString(p.stdin, start)
	return p
}

// ready is what the child says.
func (p *process) ready(t *testing.T) launch.Ready {
	t.Helper()
	for p.stdout.Scan() {
		if r, ok, err := launch.ParseReady(p.stdout.Text()); err != nil {
			t.Fatal(err)
		} else if ok {
			return r
		}
	}
	t.Fatalf("it said nothing: %s", p.stderr.String())
	panic("not reached")
}

// status waits for the child's end.
func (p *process) status() int {
	for p.stdout.Scan() {
	}
	p.Wait()
	return p.ProcessState.ExitCode()
}

func startLine(kind, listen string) string {
	b, _ := json.Marshal(launch.Start{Kind: kind, Listen: listen, Setup: launch.Setup{Credential: secret}.String(), Pace: 1})
	return string(b) + "\n"
}

// asking sends a row to a child, and waits until it is being run.
func (p *process) asking(t *testing.T, r launch.Ready) <-chan outcome {
	t.Helper()
	fingerprint, err := childModel.Fingerprint()
	if err != nil {
		t.Fatal(err)
	}
	transport := remote.NewTransport()
	t.Cleanup(transport.CloseIdleConnections)
	w := remote.Dial(r.Address, remote.Options{Model: "child", Fingerprint: fingerprint, Credential: secret, Transport: transport})
	if err := w.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	done := make(chan outcome, 1)
	go func() {
		reply, err := w.Run(t.Context(), remote.Request{Inputs: []stage.Tensor{rows(2, 0, 0, 0)}})
		done <- outcome{reply, err}
	}()
	eventually(t, "the row is being run", func() bool {
		_, err := os.Stat(p.gate + ".begun")
		return err == nil
	})
	return done
}

func (p *process) open(t *testing.T) {
	if err := os.WriteFile(p.gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestChildEndsWithItsInput(t *testing.T) {
	p := spawn(t, launch.Stdin, startLine(launch.VM, "127.0.0.1:0"))
	row := p.asking(t, p.ready(t))
	p.stdin.Close()
	if status := p.status(); status != 0 {
		t.Errorf("status %d: %s", status, p.stderr.String())
	}
	if o := <-row; !errors.Is(o.err, remote.ErrRefused) && !errors.Is(o.err, remote.ErrUnavailable) {
		t.Errorf("%+v", o)
	}
}

func TestChildFinishesAtSIGTERM(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no signals")
	}
	p := spawn(t, launch.Stdin, startLine(launch.VM, "127.0.0.1:0"))
	row := p.asking(t, p.ready(t))
	p.Process.Signal(syscall.SIGTERM)
	p.Process.Signal(os.Interrupt) // is for its owner
	p.open(t)
	if o := <-row; o.err != nil || o.reply.Parts[0].Class[0] != 2 {
		t.Errorf("%+v", o)
	}
	if status := p.status(); status != 0 {
		t.Errorf("status %d: %s", status, p.stderr.String())
	}
}

func TestChildEndsAtSecondSIGTERM(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no signals")
	}
	p := spawn(t, launch.Stdin, startLine(launch.Function, "127.0.0.1:0"))
	r := p.ready(t)
	row := p.asking(t, r)
	p.Process.Signal(syscall.SIGTERM)
	transport := remote.NewTransport()
	defer transport.CloseIdleConnections()
	w := remote.Dial(r.Address, remote.Options{Credential: secret, Transport: transport})
	eventually(t, "it drains", func() bool { return errors.Is(w.Check(t.Context()), remote.ErrRefused) })
	p.Process.Signal(syscall.SIGTERM)
	if status := p.status(); status != 0 {
		t.Errorf("status %d: %s", status, p.stderr.String())
	}
	if o := <-row; !errors.Is(o.err, remote.ErrRefused) {
		t.Errorf("%+v", o)
	}
	if strings.Contains(p.stderr.String(), "no such server") {
		t.Errorf("a function waits for a notice: %s", p.stderr.String())
	}
}

// After a notice a worker finishes what it has, and says that it drains until it is ended. That
// another way of waiting has failed is said, and changes nothing.
func TestChildHeedsNotice(t *testing.T) {
	p := spawn(t, launch.Stdin, startLine(launch.VM, "127.0.0.1:0"))
	r := p.ready(t)
	row := p.asking(t, r)
	if err := os.WriteFile(p.gate+".notice", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	transport := remote.NewTransport()
	defer transport.CloseIdleConnections()
	w := remote.Dial(r.Address, remote.Options{Credential: secret, Transport: transport})
	eventually(t, "it drains", func() bool { return errors.Is(w.Check(t.Context()), remote.ErrRefused) })
	p.open(t)
	if o := <-row; o.err != nil {
		t.Errorf("%+v", o)
	}
	p.stdin.Close()
	if status := p.status(); status != 0 || strings.Count(p.stderr.String(), "no such server") != 1 {
		t.Errorf("status %d: %s", status, p.stderr.String())
	}
}

// On a cloud's machine what to serve is in a file, and nobody holds the input open.
func TestChildReadsFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "start")
	address := "[::1]:0"
	if l, err := net.Listen("tcp", address); err != nil {
		address = "127.0.0.1:0" // the machine has no IPv6
	} else {
		l.Close()
	}
	if err := os.WriteFile(file, []byte(startLine(launch.VM, address)), 0o600); err != nil {
		t.Fatal(err)
	}
	p := spawn(t, file, "")
	p.stdin.Close()
	r := p.ready(t)
	row := p.asking(t, r)
	p.open(t)
	if o := <-row; o.err != nil {
		t.Error(o.err)
	}
}

// In a container that has neither an input nor files of ours, what to serve is in the environment.
// The first call is told how long the program took to begin, and no other.
func TestChildReadsEnvironment(t *testing.T) {
	t.Setenv(launch.StartVariable, startLine(launch.Function, "127.0.0.1:0"))
	p := spawn(t, launch.InEnvironment, "")
	p.stdin.Close()
	r := p.ready(t)
	var inits []int64
	transport := remote.NewTransport()
	defer transport.CloseIdleConnections()
	for range 2 {
		req, err := http.NewRequest(http.MethodPost, "http://"+r.Address+launch.InvokePath, strings.NewReader("no frame"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+secret)
		resp, err := transport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		ns, _ := strconv.ParseInt(resp.Header.Get(launch.InitHeader), 10, 64)
		inits = append(inits, ns)
	}
	if inits[0] <= 0 || inits[0] > int64(time.Minute) || inits[1] != 0 {
		t.Errorf("it took %v ns to begin", inits)
	}
}

// What makes no sense ends the child, which says why.
func TestChildThatCannotServe(t *testing.T) {
	for _, c := range []struct{ mark, start, says string }{
		{launch.Stdin, "\n", "no JSON"},
		{launch.Stdin, strings.Repeat("x", 2<<20), "reading what to serve"},
		{launch.Stdin, `{"kind":"vm","listen":"127.0.0.1:0","setup":"","pace":1}` + "\n", "no credential"},
		{launch.Stdin, `{"kind":"vm","listen":"127.0.0.1:0","setup":"{","pace":1,"credential":"c"}` + "\n", "setup"},
		{launch.Stdin, `{"kind":"vm","listen":"","setup":"","pace":1,"credential":"c"}` + "\n", "no address"},
		{launch.Stdin, `{"kind":"vm","listen":"192.0.2.1:1","setup":"","pace":1,"credential":"c"}` + "\n", "cannot listen"},
		{launch.Stdin, `{"kind":"vm","listen":"127.0.0.1:0","setup":"{\"stages\":{\"First\":0,\"Last\":7}}","pace":1,"credential":"c"}` + "\n", "stages 1-8 of a model of 1"},
		{launch.InEnvironment, "", launch.StartVariable},
		{"1", "", "names neither"},
	} {
		p := spawn(t, c.mark, c.start)
		if r := p.ready(t); !strings.Contains(r.Error, c.says) {
			t.Errorf("%.60q: it says %q, want %q", c.start, r.Error, c.says)
		}
		if status := p.status(); status != 1 || !strings.Contains(p.stderr.String(), c.says) {
			t.Errorf("%.60q: status %d: %s", c.start, status, p.stderr.String())
		}
	}
}

// In any other process Main does nothing but to note that it has been called.
func TestMainReturns(t *testing.T) {
	Main(childModel, nil, Interrupt(nil), InterruptWhen(func(context.Context) error {
		t.Error("a service waits for a notice")
		return nil
	}))
	if !launch.Armed() {
		t.Error("not armed")
	}
}
