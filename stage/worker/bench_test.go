package worker

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/internal/wire"
	"github.com/serflow/serflow-go/stage"
)

// bare is what a worker is compared with: the least that a handler can do which reads a body
// into memory that it keeps and answers with as much.
type bare struct{ buffers sync.Pool }

func (h *bare) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	b, _ := h.buffers.Get().(*[]byte)
	if b == nil {
		b = new([]byte)
	}
	defer h.buffers.Put(b)
	*b = slices.Grow((*b)[:0], int(r.ContentLength))[:r.ContentLength]
	if _, err := io.ReadFull(r.Body, *b); err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	rw.Header().Set("Content-Length", strconv.Itoa(len(*b)))
	rw.Write(*b)
}

const rounds = 9

// BenchmarkServer measures a worker over loopback beside a bare net/http handler: 64 KiB of
// binary tensors in and out, a stage that does nothing, plaintext, the same client. It
// reports the median, of interleaved rounds, of the worker's requests per second and of their
// ratio to the bare handler's.
func BenchmarkServer(b *testing.B) {
	for _, connections := range []int{1, 64} {
		b.Run(fmt.Sprintf("connections=%d", connections), func(b *testing.B) {
			idle := stage.NewModel("idle", stage.New("only", stage.Func("1", func(_ context.Context, _ int, in []stage.Tensor) ([]stage.Tensor, error) { return in, nil }), exit.Final()))
			w, err := open(b.Context(), idle, launch.Setup{Slots: runtime.GOMAXPROCS(0)}, 1)
			if err != nil {
				b.Fatal(err)
			}
			defer w.close(time.Minute)
			ours := newServer(w, "secret", standard).http()
			theirs := &http.Server{Handler: &bare{}}
			body, headerLength, err := wire.EncodeRequest(nil, &wire.Request{
				ID: "7f3a90", Fingerprint: w.fingerprint, Exits: []exit.Policy{exit.Final()}, Remaining: time.Minute,
				Inputs: []stage.Tensor{{Name: "x", DType: stage.FP32, Shape: []int64{1, 16 << 10}, Data: make([]byte, 64<<10)}},
			})
			if err != nil {
				b.Fatal(err)
			}
			l := newLoad(b, connections, body, headerLength)
			first, second := l.serve(b, ours), l.serve(b, theirs)
			l.rate(b, first, 50*time.Millisecond)
			l.rate(b, second, 50*time.Millisecond)
			for b.Loop() {
				var rates, ratios []float64
				for range rounds {
					ours, theirs := l.rate(b, first, 200*time.Millisecond), l.rate(b, second, 200*time.Millisecond)
					rates, ratios = append(rates, ours), append(ratios, ours/theirs)
				}
				slices.Sort(rates)
				slices.Sort(ratios)
				b.ReportMetric(rates[rounds/2], "requests/s")
				b.ReportMetric(ratios[rounds/2], "of-bare")
			}
		})
	}
}

// load is clients that send the same request again and again.
type load struct {
	connections int
	body        []byte
	header      http.Header
	transport   *http.Transport
	answers     [][]byte // one for each client
}

func newLoad(b *testing.B, connections int, body []byte, headerLength int) *load {
	l := &load{connections: connections, body: body, header: http.Header{
		wire.HeaderLength: {strconv.Itoa(headerLength)}, "Authorization": {"Bearer secret"}, "Content-Type": {"application/octet-stream"},
	}, transport: &http.Transport{MaxIdleConnsPerHost: connections, ReadBufferSize: 64 << 10, WriteBufferSize: 64 << 10, DisableCompression: true}}
	for range connections {
		l.answers = append(l.answers, make([]byte, len(body)+1024))
	}
	b.Cleanup(l.transport.CloseIdleConnections)
	return l
}

// serve serves over loopback until the end of the benchmark, and returns the URL.
func (l *load) serve(b *testing.B, h *http.Server) string {
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go h.Serve(socket)
	b.Cleanup(func() { h.Close() })
	return "http://" + socket.Addr().String() + "/v2/models/idle/infer"
}

// rate is the requests per second that are answered.
func (l *load) rate(b *testing.B, url string, duration time.Duration) float64 {
	var clients sync.WaitGroup
	counts := make([]int, l.connections)
	begun := time.Now()
	for i := range counts {
		clients.Go(func() {
			for time.Since(begun) < duration {
				if err := l.call(url, l.answers[i]); err != nil {
					b.Error(err)
					return
				}
				counts[i]++
			}
		})
	}
	clients.Wait()
	took := time.Since(begun)
	sum := 0
	for _, n := range counts {
		sum += n
	}
	return float64(sum) / took.Seconds()
}

func (l *load) call(url string, answer []byte) error {
	r, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(l.body))
	if err != nil {
		return err
	}
	r.Header = l.header
	response, err := l.transport.RoundTrip(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	n, err := io.ReadFull(response.Body, answer[:min(int(response.ContentLength), len(answer))])
	if err != nil || response.StatusCode != http.StatusOK || n < 64<<10 {
		return fmt.Errorf("status %d, %d bytes, %v: %.200s", response.StatusCode, n, err, answer[:n])
	}
	return nil
}
