package worker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/internal/wire"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/remote"
)

// Nobody waits for a row that waits itself: it is forgotten at once.
func TestClientGoneWhileItsRowWaits(t *testing.T) {
	g := newGate()
	r := start(t, modelOf("m", g.run), launch.Setup{})
	first := r.asking(t.Context(), 0, 0, 0, 0)
	<-g.entered
	ctx, cancel := context.WithCancel(t.Context())
	second := r.asking(ctx, 0, 0, 0, 0)
	eventually(t, "it waits", func() bool { return r.load() == 2 })
	cancel()
	if o := <-second; !errors.Is(o.err, context.Canceled) {
		t.Errorf("%+v", o)
	}
	eventually(t, "it is forgotten", func() bool { return r.load() == 1 })
	g.on <- struct{}{}
	if o := <-first; o.err != nil {
		t.Error(o.err)
	}
	eventually(t, "its call has ended", func() bool { return len(r.calls) == 0 })
	if ran := g.ran(); len(ran) != 1 {
		t.Errorf("batches of %v", ran)
	}
}

// The run of a single row ends with its caller.
func TestClientGoneWhileItsRowRuns(t *testing.T) {
	g := newGate()
	g.heed = true
	r := start(t, modelOf("m", g.run), launch.Setup{})
	ctx, cancel := context.WithCancel(t.Context())
	first := r.asking(ctx, 0, 0, 0, 0)
	<-g.entered
	cancel()
	if o := <-first; !errors.Is(o.err, context.Canceled) {
		t.Errorf("%+v", o)
	}
	eventually(t, "the slot is free", func() bool { return r.load() == 0 && len(r.calls) == 0 })
	g.on <- struct{}{}
	if _, err := r.ask(t.Context(), 0, 0, 0, 0); err != nil {
		t.Error(err)
	}
}

// A batch may read a body when its caller has gone: nobody else's is read into that memory.
func TestBodyOfAbandonedCallStays(t *testing.T) {
	for _, path := range []string{"/v2/models/m/infer", launch.InvokePath} {
		g := newGate()
		r := start(t, modelOf("m", g.run), launch.Setup{})
		call := func(ctx context.Context, value float32) <-chan error {
			body, n, err := wire.EncodeRequest(nil, &wire.Request{Fingerprint: r.fingerprint, Inputs: []stage.Tensor{rows(value, value, value, value)}})
			if err != nil {
				t.Fatal(err)
			}
			header := http.Header{"Authorization": {"Bearer " + secret}, wire.HeaderLength: {fmt.Sprint(n)}}
			if path == launch.InvokePath {
				body = wire.Pack(n, body)
			}
			done := make(chan error, 1)
			go func() {
				q, _ := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+r.address+path, bytes.NewReader(body))
				q.Header = header
				resp, err := r.client.Do(q)
				if err == nil {
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
				done <- err
			}()
			return done
		}
		first := call(t.Context(), 0)
		<-g.entered
		ctx, cancel := context.WithCancel(t.Context())
		second := call(ctx, 1)
		eventually(t, "it waits", func() bool { return r.load() == 2 })
		g.on <- struct{}{} // and the second is run on another goroutine than its call's
		in := <-g.entered
		if err := <-first; err != nil {
			t.Fatal(err)
		}
		before := bytes.Clone(in[0].Data)
		cancel()
		<-second
		eventually(t, "its call has ended", func() bool { return len(r.calls) == 0 })
		var others []<-chan error
		for range 4 {
			others = append(others, call(t.Context(), 2))
		}
		eventually(t, "the others wait", func() bool { return r.load() == 5 })
		if !bytes.Equal(in[0].Data, before) {
			t.Errorf("%s: the memory of a batch has been used again: % x", path, in[0].Data)
		}
		for range 5 {
			g.on <- struct{}{}
		}
		for _, other := range others {
			if err := <-other; err != nil {
				t.Error(err)
			}
		}
		r.end()
	}
}

// Each request ends in one answer or error, whatever it was in the middle of.
func TestCloseWhileRequestsRun(t *testing.T) {
	busy := func(ctx context.Context, n int, in []stage.Tensor) ([]stage.Tensor, error) {
		for i := range 50_000 {
			if i%1000 == 0 && ctx.Err() != nil {
				return nil, ctx.Err()
			}
		}
		return votes(0)(ctx, n, in)
	}
	r := start(t, modelOf("m", busy, busy), launch.Setup{Stages: stage.Range{Last: 1}, MaxBatch: 3, Slots: 2})
	var clients sync.WaitGroup
	var mu sync.Mutex
	answered, refused := 0, 0
	for range 16 {
		clients.Go(func() {
			for {
				_, err := r.ask(t.Context(), 0, 0, 0, 9)
				mu.Lock()
				switch {
				case err == nil:
					answered++
				case errors.Is(err, remote.ErrRefused), errors.Is(err, remote.ErrUnavailable):
					refused++
				default:
					t.Errorf("%v", err)
				}
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	eventually(t, "requests are answered", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return answered > 50
	})
	r.end()
	clients.Wait()
	if refused != 16 {
		t.Errorf("%d of 16 were refused", refused)
	}
	if n := len(r.jobs); n != 0 {
		t.Errorf("%d rows are left", n)
	}
	if n := r.queue.Len(); n > 0 {
		t.Errorf("the queue has %d rows", n)
	}
}

// A client that sends a byte now and then is not waited for, before and in the body.
func TestSlowSender(t *testing.T) {
	for name, head := range map[string]string{
		"in the header": "POST /v2/models/votes/infer HTTP/1.1\r\n",
		"in the body":   "POST /v2/models/votes/infer HTTP/1.1\r\nHost: worker\r\nAuthorization: Bearer " + secret + "\r\nContent-Length: 100000\r\n\r\n",
	} {
		r := start(t, voting, wholeOf(voting), func(l *limits) { l.header, l.read = 100*time.Millisecond, 100*time.Millisecond })
		c, err := net.Dial("tcp", r.address)
		if err != nil {
			t.Fatal(err)
		}
		stop := make(chan struct{})
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			io.WriteString(c, head)
			for tick := time.NewTicker(10 * time.Millisecond); ; {
				select {
				case <-tick.C:
					io.WriteString(c, "x")
				case <-stop:
					tick.Stop()
					return
				}
			}
		}()
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		answer, err := io.ReadAll(c)
		if e := net.Error(nil); errors.As(err, &e) && e.Timeout() {
			t.Errorf("%s: still connected", name)
		}
		if name == "in the body" && !bytes.Contains(answer, []byte("too slowly")) {
			t.Errorf("%s: %s", name, answer)
		}
		eventually(t, "its call has ended", func() bool { return len(r.calls) == 0 })
		close(stop)
		<-sent
		c.Close()
		r.end()
	}
}

// Nor is a client that does not read what it has asked for.
func TestSlowReader(t *testing.T) {
	big := func(_ context.Context, n int, in []stage.Tensor) ([]stage.Tensor, error) {
		return []stage.Tensor{{Name: "x", DType: stage.Uint8, Shape: []int64{int64(n), 16 << 20}, Data: make([]byte, n*16<<20)}}, nil
	}
	r := start(t, modelOf("m", big), launch.Setup{}, func(l *limits) { l.write = 200 * time.Millisecond })
	c, err := net.Dial("tcp", r.address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	body, n, err := wire.EncodeRequest(nil, &wire.Request{Plain: true, Inputs: []stage.Tensor{rows(0, 0, 0, 0)}})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(c, "POST /v2/models/m/infer HTTP/1.1\r\nHost: worker\r\nAuthorization: Bearer %s\r\n%s: %d\r\nContent-Length: %d\r\n\r\n%s", secret, wire.HeaderLength, n, len(body), body)
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "its call has ended", func() bool { return len(r.calls) == 0 })
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	rest, err := io.Copy(io.Discard, c)
	if e := net.Error(nil); rest >= 16<<20 || errors.As(err, &e) && e.Timeout() {
		t.Errorf("%d bytes, %v", rest, err)
	}
}

// An answer that is longer than clients read is refused, and says why.
func TestAnswerTooLarge(t *testing.T) {
	big := func(_ context.Context, n int, in []stage.Tensor) ([]stage.Tensor, error) {
		return []stage.Tensor{{Name: "x", DType: stage.Uint8, Shape: []int64{int64(n), 2000}, Data: make([]byte, 2000*n)}}, nil
	}
	r := start(t, modelOf("m", big), launch.Setup{}, func(l *limits) { l.body = 1 << 11 })
	if _, err := r.ask(t.Context(), 0, 0, 0, 0); !errors.Is(err, stage.ErrInput) {
		t.Error(err)
	}
	if _, err := r.ask(t.Context()); !errors.Is(err, stage.ErrInput) {
		t.Errorf("no rows: %v", err)
	}
}
