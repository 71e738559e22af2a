package fakegcp

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
)

var labelText = regexp.MustCompile(`^[a-z0-9_-]{0,63}$`)

// Connect serves Cloud Run's API until stop is called, over a connection in memory, so that time in
// a bubble of testing/synctest goes on.
func (c *Cloud) Connect(more ...grpc.DialOption) (to []option.ClientOption, stop func()) {
	listener := bufconn.Listen(1 << 20)
	server := grpc.NewServer()
	api := &runAPI{Cloud: c}
	runpb.RegisterServicesServer(server, api)
	longrunningpb.RegisterOperationsServer(server, api)
	served := make(chan struct{})
	go func() {
		defer close(served)
		server.Serve(listener)
	}()
	more = append(more, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	conn, err := grpc.NewClient("passthrough:///run.googleapis.com", more...)
	if err != nil {
		panic(err) // a constant target
	}
	return []option.ClientOption{option.WithGRPCConn(conn)}, func() {
		conn.Close()
		server.Stop()
		<-served
	}
}

// ServeHTTP is all that Google Cloud serves by HTTP: Compute Engine's API and the services of Cloud
// Run.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.Host, ".run.app") {
		c.serve(w, r)
		return
	}
	c.rest(w, r)
}

// Client is an HTTP client without a network, for what Google Cloud serves by HTTP.
func (c *Cloud) Client() *http.Client { return &http.Client{Transport: transport{c}} }

type transport struct{ cloud *Cloud }

// RoundTrip makes a call. Its error is that of a connection. What the cloud has begun goes on when
// the caller waits no more.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	theirs := r.Clone(context.WithoutCancel(r.Context()))
	theirs.Host = r.URL.Host
	if theirs.Body == nil {
		theirs.Body = http.NoBody
	}
	answered := make(chan *http.Response, 1)
	go func() { answered <- t.answer(theirs) }()
	select {
	case answer := <-answered:
		if answer == nil {
			return nil, errors.New("read: connection reset by peer")
		}
		return answer, nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

// answer is the answer to a call, nil if the connection breaks.
func (t transport) answer(r *http.Request) (answer *http.Response) {
	defer func() {
		if what := recover(); what != nil && what != http.ErrAbortHandler {
			panic(what)
		}
	}()
	w := httptest.NewRecorder()
	t.cloud.ServeHTTP(w, r)
	answer = w.Result()
	answer.Request = r
	return answer
}
