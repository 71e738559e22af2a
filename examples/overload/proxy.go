package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
)

// proxied is the workers behind a reverse proxy that takes turns between them.
type proxied struct {
	server *httptest.Server
	client *http.Client
	behind *http.Transport
	url    string
}

// proxy puts one in front of the fleet. To client and proxy each connection is as good as
// it can be: kept, and as many as are needed.
func (f *fleet) proxy(ctx context.Context) (*proxied, error) {
	list, err := f.cloud.VMs().List(ctx, owner)
	if err != nil {
		return nil, err
	}
	var workers []*url.URL
	for _, vm := range list {
		workers = append(workers, &url.URL{Scheme: "http", Host: vm.Address})
	}
	if len(workers) != vms {
		return nil, fmt.Errorf("%d VMs, not %d", len(workers), vms)
	}
	p := &proxied{behind: connections(), client: &http.Client{Transport: connections()}}
	var turn atomic.Uint64
	p.server = httptest.NewServer(&httputil.ReverseProxy{
		Transport: p.behind,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(workers[turn.Add(1)%uint64(len(workers))])
			r.Out.Header.Set("Authorization", "Bearer "+f.credential)
		},
		ErrorHandler: func(rw http.ResponseWriter, _ *http.Request, _ error) { rw.WriteHeader(http.StatusBadGateway) },
		ErrorLog:     log.New(io.Discard, "", 0), // of clients that have gone
	})
	p.url = p.server.URL + "/v2/models/" + model.Name + "/infer"
	return p, nil
}

func connections() *http.Transport {
	return &http.Transport{DialContext: new(net.Dialer).DialContext, MaxIdleConnsPerHost: 1024, DisableCompression: true}
}

func (p *proxied) close() {
	p.client.CloseIdleConnections()
	p.server.Close()
	p.behind.CloseIdleConnections()
}

// infer is a client of the proxy, which speaks the bare protocol.
func (p *proxied) infer(ctx context.Context, depth int) error {
	body := fmt.Sprintf(`{"inputs":[{"name":"row","datatype":"FP32","shape":[1,2],"data":[%d,1]}]}`, depth)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader([]byte(body)))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := p.client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	switch {
	case err != nil:
		return err
	case answer.StatusCode != http.StatusOK:
		return errors.New(answer.Status)
	}
	return left(text, depth)
}

// left holds the stage that a reply says the request has left at to what it is to be.
func left(reply []byte, want int) error {
	var said struct {
		Outputs []struct {
			Name string
			Data []json.Number
		}
	}
	if err := json.Unmarshal(reply, &said); err != nil {
		return err
	}
	for _, o := range said.Outputs {
		if o.Name == "serflow_exit" && len(o.Data) == 1 && o.Data[0].String() == fmt.Sprint(want) {
			return nil
		}
	}
	return fmt.Errorf("it did not leave at stage %d: %s", want+1, reply)
}
