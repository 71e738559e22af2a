package remote_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/serflow/serflow-go/internal/wire"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/remote"
)

// A call that is cancelled ends at once, with the context's error, and the server notices.
func TestCancel(t *testing.T) {
	for name, begin := range map[string]func(http.ResponseWriter){
		"before an answer": func(http.ResponseWriter) {},
		"in the middle of one": func(rw http.ResponseWriter) {
			rw.Header().Set("Content-Length", "1000")
			io.WriteString(rw, "half")
			rw.(http.Flusher).Flush()
		},
	} {
		entered, noticed := make(chan struct{}), make(chan struct{})
		w := dial(t, serve(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			begin(rw)
			close(entered)
			<-r.Context().Done()
			close(noticed)
		})))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			_, err := w.Run(ctx, one())
			ended <- err
		}()
		<-entered
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) || errors.Is(err, remote.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
		<-noticed
	}
}

// A server that never answers, or a byte now and then, has until the deadline.
func TestNeverAndSlowly(t *testing.T) {
	for name, answer := range map[string]func(http.ResponseWriter, *http.Request){
		"never": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"slowly": func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Length", "100000")
			for r.Context().Err() == nil {
				io.WriteString(rw, "x")
				rw.(http.Flusher).Flush()
				select {
				case <-time.After(5 * time.Millisecond):
				case <-r.Context().Done():
				}
			}
		},
	} {
		w := dial(t, serve(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			answer(rw, r)
		})))
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if _, err := w.Run(ctx, one()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}
		cancel()
	}
}

// answering is a server that writes bytes of its own, one text a connection and call.
func answering(t *testing.T, respond func(c net.Conn, r *http.Request, body []byte)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var served sync.WaitGroup
	served.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			served.Go(func() {
				defer c.Close()
				for in := bufio.NewReader(c); ; {
					r, err := http.ReadRequest(in)
					if err != nil {
						return
					}
					body, err := io.ReadAll(r.Body)
					if err != nil {
						return
					}
					respond(c, r, body)
				}
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		served.Wait()
	})
	return l.Addr().String()
}

// Whatever comes back, it is an answer to the request or an error.
func TestGarbage(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"no HTTP":          {"garbage\r\n\r\n", remote.ErrUnavailable},
		"nothing":          {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", remote.ErrProtocol},
		"no JSON":          {"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nheyo", remote.ErrProtocol},
		"other JSON":       {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", remote.ErrProtocol},
		"another version":  {"HTTP/1.1 200 OK\r\nContent-Length: 36\r\n\r\n{\"parameters\":{\"serflow_version\":99}}", remote.ErrVersion},
		"a header length":  {"HTTP/1.1 200 OK\r\nInference-Header-Content-Length: 9\r\nContent-Length: 2\r\n\r\n{}", remote.ErrProtocol},
		"no such length":   {"HTTP/1.1 200 OK\r\nInference-Header-Content-Length: x\r\nContent-Length: 2\r\n\r\n{}", remote.ErrProtocol},
		"cut short":        {"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nConnection: close\r\n\r\n{}", remote.ErrUnavailable},
		"too long":         {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n{}", remote.ErrProtocol},
		"an endless error": {"HTTP/1.1 500 No\r\nContent-Length: 9999999\r\n\r\n" + strings.Repeat("x", 1<<20), stage.ErrFailed},
	} {
		address := answering(t, func(conn net.Conn, _ *http.Request, _ []byte) {
			io.WriteString(conn, c.text)
			if strings.Contains(c.text, "close") {
				conn.Close()
			}
		})
		text := c.text
		if name == "another version" {
			text = strings.Replace(text, "36", strconv.Itoa(len(`{"parameters":{"serflow_version":99}}`)), 1)
			c.text = text
		}
		_, err := dial(t, address).Run(t.Context(), one())
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// An answer that has no end is cut off at the limit.
func TestEndlessAnswer(t *testing.T) {
	w := dial(t, serve(t, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		block := make([]byte, 1<<20)
		for {
			if _, err := rw.Write(block); err != nil {
				return
			}
		}
	})))
	if _, err := w.Run(t.Context(), one()); !errors.Is(err, remote.ErrProtocol) || !strings.Contains(err.Error(), "more than") {
		t.Error(err)
	}
}

// A server that answers each call twice: the second answer is never taken for that to the
// next call.
func TestTwice(t *testing.T) {
	address := answering(t, func(c net.Conn, r *http.Request, body []byte) {
		n, _ := strconv.Atoi(r.Header.Get(wire.HeaderLength))
		answer, n := replyTo(t, body, n)
		text := fmt.Sprintf("HTTP/1.1 200 OK\r\n%s: %d\r\nContent-Length: %d\r\n\r\n%s", wire.HeaderLength, n, len(answer), answer)
		io.WriteString(c, text+text)
	})
	w := dial(t, address)
	for i := range 200 {
		r := one()
		r.Inputs[0] = stage.Float32("x", []int64{1, 4}, []float32{float32(i), 0, 0, 0})
		reply, err := w.Run(t.Context(), r)
		if err != nil {
			if !errors.Is(err, remote.ErrProtocol) && !errors.Is(err, remote.ErrUnavailable) {
				t.Error(err)
			}
			continue
		}
		if x, _ := stage.Data[float32](reply.Parts[0].Outputs[0]); x[0] != float32(i) {
			t.Fatalf("call %d got the answer to %v", i, x[0])
		}
	}
	// And for certain, where there is no race: an answer to another request is refused.
	other := remote.Request{ID: "other", Stages: stage.Range{Last: 2}, Inputs: one().Inputs}
	stale, n, err := wire.EncodeRequest(nil, &other)
	if err != nil {
		t.Fatal(err)
	}
	_, err = remote.Over(t.Context(), one(), func(context.Context, []byte) ([]byte, error) {
		answer, n := replyTo(t, stale, n)
		return wire.Pack(n, answer), nil
	})
	if !errors.Is(err, remote.ErrProtocol) {
		t.Error(err)
	}
}

// The credential goes to the server that it is for, and nowhere else.
func TestRedirectsAreNotFollowed(t *testing.T) {
	var leaked atomic.Bool
	thief := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { leaked.Store(true) }))
	var shown atomic.Value
	for _, status := range []int{301, 302, 303, 307, 308} {
		w := dial(t, serve(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			shown.Store(r.Header.Get("Authorization"))
			http.Redirect(rw, r, thief+r.URL.Path, status)
		})))
		if _, err := w.Run(t.Context(), one()); !errors.Is(err, remote.ErrProtocol) {
			t.Errorf("%d: %v", status, err)
		}
		if err := w.Check(t.Context()); !errors.Is(err, remote.ErrProtocol) {
			t.Errorf("%d: %v", status, err)
		}
	}
	if leaked.Load() || shown.Load() != "Bearer "+secret {
		t.Errorf("leaked: %v, shown: %v", leaked.Load(), shown.Load())
	}
	if err := dial(t, "http://user:hidden@127.0.0.1:1").Check(t.Context()); err == nil || strings.Contains(err.Error(), "hidden") {
		t.Error(err)
	}
}
