package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/serflow/serflow-go/examples/shouting"
)

// run deploys, rents and serves until the context is over. With a credential in the environment VMs
// stay for the next start, and otherwise for -teardown: they end by themselves after half an hour.
func (s settings) run(ctx context.Context, out io.Writer) (err error) {
	listener, err := net.Listen("tcp", s.serve)
	if err != nil {
		return err
	}
	defer listener.Close()
	dir, err := os.MkdirTemp("", "serflow-aws-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	d, err := s.deploy(ctx, dir)
	if err != nil {
		return fmt.Errorf("deploying: %w", err)
	}
	opening, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	p, err := s.open(opening, d, slog.New(slog.NewTextHandler(out, nil)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	fmt.Fprintf(out, "serving at http://%s\n", listener.Addr())
	h := &http.Server{Handler: shouting.Handler(p), ReadTimeout: 10 * time.Second}
	stopped := context.AfterFunc(ctx, func() { _ = h.Shutdown(context.WithoutCancel(ctx)) })
	defer stopped()
	if err := h.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
