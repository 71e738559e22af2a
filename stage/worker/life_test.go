package worker

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/internal/wire"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/remote"
)

// memory is a listener whose connections are in memory, so that time can be made to pass.
type memory struct {
	fail   chan error // what Accept is to return
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newMemory() *memory {
	return &memory{fail: make(chan error), conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (m *memory) Accept() (net.Conn, error) {
	select {
	case c := <-m.conns:
		return c, nil
	case err := <-m.fail:
		return nil, err
	case <-m.closed:
		return nil, net.ErrClosed
	}
}

func (m *memory) Close() error {
	m.once.Do(func() { close(m.closed) })
	return nil
}

func (m *memory) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 7} }

func (m *memory) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case m.conns <- theirs:
		return ours, nil
	case <-m.closed:
	case <-ctx.Done():
	}
	return nil, errors.New("connection refused")
}

// living is a worker under a clock of its own, from its beginning to its end.
type living struct {
	*server
	listener  *memory
	remote    *remote.Worker
	begun     time.Time
	said      chan launch.Ready
	stop      context.CancelCauseFunc // as the end of standard input does
	leave     context.CancelFunc      // as SIGTERM does
	interrupt chan struct{}
	ended     chan error
}

func alive(t *testing.T, m stage.Model, setup launch.Setup) *living {
	w, err := open(t.Context(), m, setup, 1)
	if err != nil {
		t.Fatal(err)
	}
	l := &living{server: newServer(w, secret, standard), begun: time.Now(), said: make(chan launch.Ready, 1), interrupt: make(chan struct{}), ended: make(chan error, 1)}
	ctx, stop := context.WithCancelCause(t.Context())
	leaving, leave := context.WithCancel(ctx)
	l.stop, l.leave = stop, leave
	listener := newMemory()
	l.listener = listener
	go func() {
		l.ended <- l.life(ctx, leaving, listener, func(r launch.Ready) { l.said <- r }, l.interrupt)
	}()
	transport := &http.Transport{DialContext: listener.dial}
	l.remote = remote.Dial("worker", remote.Options{Model: m.Name, Fingerprint: w.fingerprint, Credential: secret, Transport: transport})
	t.Cleanup(func() {
		stop(errParent)
		transport.CloseIdleConnections()
	})
	return l
}

// endsAt waits for the worker's end, and says when it was.
func (l *living) endsAt(t *testing.T, want time.Duration) {
	t.Helper()
	if err := <-l.ended; err != nil {
		t.Error(err)
	}
	if at := time.Since(l.begun).Round(100 * time.Millisecond); at != want {
		t.Errorf("it ended after %v, want %v", at, want)
	}
}

// The dead-man switch: a worker ends half an hour after the last that it heard of its owner.
func TestOrphan(t *testing.T) {
	for name, c := range map[string]struct {
		orphan time.Duration
		want   time.Duration
	}{"by default": {0, 30 * time.Minute}, "as told": {90 * time.Second, 90 * time.Second}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				setup := wholeOf(voting)
				setup.Orphan = c.orphan
				alive(t, voting, setup).endsAt(t, c.want)

				l := alive(t, voting, setup)
				for range 5 {
					time.Sleep(c.want - time.Second)
					if err := l.remote.Check(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				l.endsAt(t, 6*c.want-5*time.Second)
			})
		})
	}
}

// A function is ended by its platform, unless its owner wants it otherwise.
func TestFunctionsAreNoOrphans(t *testing.T) {
	for _, c := range []struct {
		kind   string
		orphan time.Duration
		least  time.Duration
		most   time.Duration
	}{
		{launch.VM, 0, 29 * time.Minute, 30 * time.Minute}, {launch.Function, 0, 24 * time.Hour, never}, {launch.Function, time.Hour, 59 * time.Minute, time.Hour},
	} {
		setup := wholeOf(voting)
		setup.Orphan = c.orphan
		s, l, err := prepare(t.Context(), voting, launch.Start{Kind: c.kind, Listen: "127.0.0.1:0", Credential: secret, Setup: setup.String(), Pace: 1})
		if err != nil {
			t.Fatal(err)
		}
		if left := s.alone(); left < c.least || left > c.most {
			t.Errorf("%+v: %v", c, left)
		}
		l.Close()
		if err := s.close(time.Second); err != nil {
			t.Error(err)
		}
	}
}

// At its maximum age a worker ends, whoever calls it.
func TestMaxAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		setup := wholeOf(voting)
		setup.MaxAge = time.Hour
		l := alive(t, voting, setup)
		for range 5 {
			time.Sleep(10 * time.Minute)
			if err := l.remote.Check(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		l.endsAt(t, time.Hour)
	})
}

// asking is a row on its way.
func (l *living) asking(t *testing.T) <-chan outcome {
	done := make(chan outcome, 1)
	go func() {
		reply, err := l.remote.Run(t.Context(), remote.Request{Stages: l.setup.Load().Stages, Inputs: []stage.Tensor{rows(2, 0, 0, 0)}})
		done <- outcome{reply, err}
	}()
	return done
}

// takes is a stage that takes a time, or ends with its context if it heeds it.
func takes(d time.Duration, heed bool) stage.RunFunc {
	return func(ctx context.Context, n int, in []stage.Tensor) ([]stage.Tensor, error) {
		done := ctx.Done()
		if !heed {
			done = nil
		}
		select {
		case <-time.After(d):
			return votes(0)(ctx, n, in)
		case <-done:
			return nil, ctx.Err()
		}
	}
}

// What ends a worker, and what becomes of a row that it is running.
func TestEnds(t *testing.T) {
	for name, c := range map[string]struct {
		stage    stage.RunFunc
		end      func(*living)
		answered bool
		after    time.Duration // the end, or how long it takes
		err      string
	}{
		"SIGTERM, and the row is done in time":        {takes(10*time.Second, true), func(l *living) { l.leave() }, true, 10 * time.Second, ""},
		"SIGTERM, and it is not":                      {takes(time.Hour, true), func(l *living) { l.leave() }, false, 26 * time.Second, ""},
		"SIGTERM, and the stage does not heed":        {takes(40*time.Second, false), func(l *living) { l.leave() }, false, 30 * time.Second, "has not returned"},
		"a second SIGTERM":                            {takes(time.Hour, true), func(l *living) { l.leave(); l.stop(errAgain) }, false, time.Second, "second time"},
		"the parent is gone":                          {takes(time.Hour, true), func(l *living) { l.stop(errParent) }, false, time.Second, "standard input"},
		"the parent is gone, the stage does not heed": {takes(40*time.Second, false), func(l *living) { l.stop(errParent) }, false, 5 * time.Second, "standard input"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := alive(t, modelOf("m", c.stage), launch.Setup{})
				row := l.asking(t)
				time.Sleep(time.Second)
				c.end(l)
				synctest.Wait()
				if err := l.remote.Check(t.Context()); err == nil {
					t.Error("it says that it is ready")
				}
				o := <-row
				if c.answered != (o.err == nil) || o.err != nil && !errors.Is(o.err, remote.ErrRefused) && !errors.Is(o.err, remote.ErrUnavailable) {
					t.Errorf("%+v", o)
				}
				err := <-l.ended
				if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
					t.Errorf("%v, want %q", err, c.err)
				}
				if at := time.Since(l.begun).Round(time.Second); at != c.after {
					t.Errorf("it ended after %v, want %v", at, c.after)
				}
				time.Sleep(time.Hour) // for the stages that are left behind
			})
		})
	}
}

// After a notice a worker finishes what it has, and stays until it is ended.
func TestInterrupt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := alive(t, modelOf("m", takes(10*time.Second, true)), launch.Setup{})
		row := l.asking(t)
		time.Sleep(time.Second)
		close(l.interrupt)
		synctest.Wait()
		if err := l.remote.Check(t.Context()); !errors.Is(err, remote.ErrRefused) {
			t.Error(err)
		}
		if o := <-l.asking(t); !errors.Is(o.err, remote.ErrRefused) {
			t.Errorf("%+v", o)
		}
		if o := <-row; o.err != nil {
			t.Error(o.err)
		}
		l.endsAt(t, 30*time.Minute+time.Second)
	})
}

// A worker that has no files left for connections goes on when it has some again; one that
// cannot listen any more ends.
func TestFilesExhausted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := alive(t, voting, wholeOf(voting))
		for range 20 {
			l.listener.fail <- &net.OpError{Op: "accept", Err: os.NewSyscallError("accept", syscall.EMFILE)}
		}
		if err := l.remote.Check(t.Context()); err != nil {
			t.Error(err)
		}
		l.listener.fail <- errors.New("the network is gone")
		if err := <-l.ended; err == nil || !strings.Contains(err.Error(), "the network is gone") {
			t.Error(err)
		}
	})
}

// The time that a body takes to come is part of the time that is left.
func TestSlowBodyLosesTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		setup := wholeOf(voting)
		setup.Need = []time.Duration{6 * time.Second, 0, 0}
		l := alive(t, voting, setup)
		for pause, exited := range map[time.Duration]bool{3 * time.Second: true, 5 * time.Second: false} {
			c, err := l.listener.dial(t.Context(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			body, n, err := wire.EncodeRequest(nil, &wire.Request{Fingerprint: l.fingerprint, Stages: stage.Range{Last: 2}, Remaining: 10 * time.Second, Inputs: []stage.Tensor{rows(0, 0, 0, 0)}})
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(c, "POST /v2/models/votes/infer HTTP/1.1\r\nHost: worker\r\nAuthorization: Bearer %s\r\n%s: %d\r\nContent-Length: %d\r\n\r\n", secret, wire.HeaderLength, n, len(body))
			c.Write(body[:10])
			time.Sleep(pause)
			c.Write(body[10:])
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatal(err)
			}
			answer, _ := io.ReadAll(resp.Body)
			if got := bytes.Contains(answer, []byte(`"exit 0 0:0:`)); got != exited {
				t.Errorf("a body that takes %v: %.300q", pause, answer)
			}
			c.Close()
		}
		l.stop(errParent)
		<-l.ended
	})
}

// An answer that is being written when the worker ends is written to its end.
func TestEndSendsAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := alive(t, voting, wholeOf(voting))
		c, err := l.listener.dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		body := `{"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[0,0,0,0]}]}`
		io.WriteString(c, "POST /v2/models/votes/infer HTTP/1.1\r\nHost: worker\r\nAuthorization: Bearer "+secret+"\r\nContent-Length: "+strconv.Itoa(len(body))+"\r\n\r\n"+body)
		synctest.Wait() // the row is done; a pipe holds nothing, so the answer waits to be read
		l.leave()
		time.Sleep(time.Second)
		answer, err := io.ReadAll(c)
		if err != nil || !strings.Contains(string(answer), "200 OK") || !strings.HasSuffix(string(answer), "}]}") {
			t.Errorf("%s, %v", answer, err)
		}
		<-l.ended
	})
}

// A worker that is told to end while its model is being opened does not open it.
func TestEndWhileOpening(t *testing.T) {
	opening := make(chan struct{})
	m := stage.NewModel("m", stage.New("slow", opens(func(ctx context.Context) error {
		close(opening)
		<-ctx.Done()
		return ctx.Err()
	}), exit.Final()))
	leaving, leave := context.WithCancel(t.Context())
	said := make(chan launch.Ready, 1)
	ended := make(chan error, 1)
	go func() {
		start := launch.Start{Listen: "127.0.0.1:0", Credential: secret}
		ended <- serve(t.Context(), leaving, m, start, func(r launch.Ready) { said <- r }, nil)
	}()
	<-opening
	leave()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if r := <-said; r.Error == "" {
		t.Errorf("%+v", r)
	}
}

// opens is a source that does something when it is opened.
type opens func(context.Context) error

func (o opens) Open(ctx context.Context) (stage.Runner, error) {
	return nil, errors.Join(o(ctx), errors.New("there is nothing here"))
}
func (o opens) Fingerprint() (string, error) { return "opens", nil }
