package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/stage"
)

// orphaned is how long a worker on a VM serves without a word from its owner. The instance of a
// function is ended by its platform, which would only replace one that ends itself.
const (
	orphaned = 30 * time.Minute
	never    = 100 * 365 * 24 * time.Hour
)

// How long a worker that ends takes at most, step by step. Together they are less than the
// 30 seconds after which most supervisors kill, and without the first less than the 5 in
// which a worker is gone when its parent is.
const (
	leave    = 25 * time.Second // for the rows that it has
	giveUp   = 2 * time.Second  // for stages whose context is over
	farewell = 2 * time.Second  // for answers that are being written
)

// serve is the life of a worker: it says where it listens, serves, and ends as Main says.
// It returns nil when it has ended by itself, and the context's cause when that is over.
// The context leaving, which is made of ctx, is over when the worker is to finish and end.
func serve(ctx, leaving context.Context, model stage.Model, start launch.Start, announce func(launch.Ready), interrupt <-chan struct{}) error {
	s, l, err := prepare(leaving, model, start)
	if err != nil {
		announce(launch.Ready{Error: err.Error()})
		if leaving.Err() != nil { // that is why
			err = context.Cause(ctx)
		}
		return err
	}
	return s.life(ctx, leaving, l, announce, interrupt)
}

// prepare listens and opens the model.
func prepare(ctx context.Context, model stage.Model, start launch.Start) (*server, net.Listener, error) {
	setup, err := launch.ParseSetup(start.Setup)
	if err != nil {
		return nil, nil, err
	}
	if start.Kind == launch.Function {
		setup.Orphan = cmp.Or(setup.Orphan, never)
	}
	credential := cmp.Or(start.Credential, setup.Credential)
	if credential == "" {
		return nil, nil, errors.New("the worker was given no credential: anybody could call it")
	}
	if start.Listen == "" {
		return nil, nil, errors.New("the worker was given no address to listen at: give host:port")
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
	return newServer(w, credential, standard), l, nil
}

// life serves until the worker's end.
func (s *server) life(ctx, leaving context.Context, l net.Listener, announce func(launch.Ready), interrupt <-chan struct{}) error {
	h := s.http()
	failed := make(chan error, 1)
	go func() { failed <- h.Serve(l) }()
	announce(launch.Ready{Address: l.Addr().String()})
	err := s.attend(ctx, leaving, failed, interrupt)
	return errors.Join(err, s.end(h))
}

// attend waits for the end of a worker.
func (s *server) attend(ctx, leaving context.Context, failed <-chan error, interrupt <-chan struct{}) error {
	orphan := time.NewTimer(s.alone())
	defer orphan.Stop()
	var aged <-chan time.Time
	if age := s.setup.Load().MaxAge; age > 0 {
		t := time.NewTimer(age)
		defer t.Stop()
		aged = t.C
	}
	for {
		select {
		case <-leaving.Done():
			return s.finish(ctx, failed)
		case err := <-failed:
			return err
		case <-interrupt:
			interrupt = nil
			s.drain()
		case <-aged:
			return s.finish(ctx, failed)
		case <-orphan.C:
			left := s.alone()
			if left <= 0 {
				return s.finish(ctx, failed)
			}
			orphan.Reset(left)
		}
	}
}

// alone is how much longer the worker may go without a word from its owner: the dead-man
// switch. Every call with the fleet's credential is one.
func (s *server) alone() time.Duration {
	return cmp.Or(s.setup.Load().Orphan, orphaned) - (s.now() - time.Duration(s.contact.Load()))
}

// finish takes no more rows and waits for those that are here.
func (s *server) finish(ctx context.Context, failed <-chan error) error {
	t := time.NewTimer(leave)
	defer t.Stop()
	select {
	case <-s.drain():
	case <-t.C:
	case err := <-failed:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// end closes the worker, sees to it that what it has answered is sent, and closes the
// connections.
func (s *server) end(h *http.Server) error {
	err := s.close(giveUp)
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	if h.Shutdown(ctx) != nil {
		h.Close() // who reads that slowly has had its chance
	}
	return err
}
