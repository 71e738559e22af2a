package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/stage"
)

// orphaned is how long a worker serves without a word from its owner.
const orphaned = 30 * time.Minute

// leave is how long a worker that ends waits for what it has.
const leave = 25 * time.Second

// serve is the life of a worker: it says where it listens, serves, and ends as Main says.
// It returns nil when it has ended by itself, and the context's cause when that is over.
func serve(ctx context.Context, model stage.Model, start launch.Start, announce func(launch.Ready), interrupt <-chan struct{}, terminate <-chan os.Signal) error {
	w, l, err := prepare(ctx, model, start)
	if err != nil {
		announce(launch.Ready{Error: err.Error()})
		return err
	}
	s := newServer(w, cmp.Or(start.Credential, w.setup.Credential))
	h := s.http()
	failed := make(chan error, 1)
	go func() { failed <- h.Serve(l) }()
	announce(launch.Ready{Address: l.Addr().String()})

	err = s.live(ctx, failed, interrupt, terminate)
	h.Close()
	return errors.Join(err, w.close())
}

func prepare(ctx context.Context, model stage.Model, start launch.Start) (*Worker, net.Listener, error) {
	setup, err := launch.ParseSetup(start.Setup)
	if err != nil {
		return nil, nil, err
	}
	if start.Credential == "" && setup.Credential == "" {
		return nil, nil, errors.New("the worker was given no credential: anybody could call it")
	}
	l, err := net.Listen("tcp", start.Listen)
	if err != nil {
		return nil, nil, fmt.Errorf("the worker cannot listen: %w", err)
	}
	w, err := open(ctx, model, setup, start.Pace)
	if err != nil {
		l.Close()
		return nil, nil, err
	}
	return w, l, nil
}

// live waits for the end of a worker.
func (s *server) live(ctx context.Context, failed <-chan error, interrupt <-chan struct{}, terminate <-chan os.Signal) error {
	orphan := time.NewTimer(s.alone())
	defer orphan.Stop()
	var aged <-chan time.Time
	if s.setup.MaxAge > 0 {
		t := time.NewTimer(s.setup.MaxAge)
		defer t.Stop()
		aged = t.C
	}
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case err := <-failed:
			if !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		case <-interrupt:
			interrupt = nil
			s.drain()
		case <-terminate:
			return s.finish(ctx)
		case <-aged:
			return s.finish(ctx)
		case <-orphan.C:
			left := s.alone()
			if left <= 0 {
				return s.finish(ctx)
			}
			orphan.Reset(left)
		}
	}
}

// alone is how much longer the worker may go without a word from its owner: the dead-man
// switch. Every call with the fleet's credential is one.
func (s *server) alone() time.Duration {
	return cmp.Or(s.setup.Orphan, orphaned) - (s.now() - time.Duration(s.contact.Load()))
}

// finish takes no more rows and waits for those that are here.
func (s *server) finish(ctx context.Context) error {
	t := time.NewTimer(leave)
	defer t.Stop()
	select {
	case <-s.drain():
	case <-t.C:
	case <-ctx.Done():
	}
	return nil
}
