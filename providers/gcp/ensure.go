package gcp

import (
	"context"
	"fmt"
	"slices"
	"time"

	run "cloud.google.com/go/run/apiv2"
	"cloud.google.com/go/run/apiv2/runpb"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/grpc/codes"

	"github.com/serflow/serflow-go/providers"
)

// How long Cloud Run is waited for, and how often a change is tried that somebody else's came
// before.
const (
	longestWait = 10 * time.Minute
	conflicts   = 5
)

// ensuring is one call of Ensure. It looks at what there is and takes the next step, so that it goes
// on where an earlier call was broken off.
type ensuring struct {
	*run.ServicesClient
	op       string
	options  FunctionOptions
	service  string
	want     *runpb.Service
	retried  bool // the revision that had failed
	conflict int
}

// Ensure returns the function that the spec describes: its service is made, and has answered its
// startup probe. If it was there and is to be otherwise, by the options or by another size of one
// name, a new revision is made, and all calls go to it at once when it is ready; until then, and if
// it never is, they go to the old one. A refusal half-way leaves a service that List lists.
func (r *CloudRun) Ensure(ctx context.Context, s providers.FunctionSpec) (fn providers.Function, err error) {
	const op = "ensure function"
	if err := s.Validate(); err != nil {
		return fn, failed(op, "", err)
	}
	api, err := r.begin(ctx, op)
	if err != nil {
		return fn, err
	}
	want, err := r.options.request(s)
	if err != nil {
		return fn, failed(op, "", err)
	}
	e := ensuring{ServicesClient: api, op: op, options: r.options, service: nameOf(s), want: want}
	service, err := e.all(ctx)
	if err != nil {
		return fn, understood(ctx, op, err)
	}
	r.remember(e.service, service.Uri)
	fn = providers.Function{ID: e.service, FunctionSpec: s}
	fn.Setup = ""
	return fn, nil
}

// request is the service that a spec is to be.
func (o FunctionOptions) request(s providers.FunctionSpec) (*runpb.Service, error) {
	i := slices.IndexFunc(o.Sold, func(size Size) bool { return size.Offer == s.Offer })
	if i < 0 {
		return nil, fmt.Errorf("%w: function size %q: take one of Offers", providers.ErrNotFound, s.Offer.Name)
	}
	return o.serviceOf(s, o.Sold[i])
}

// all takes a service from wherever it is to where it can be called.
func (e *ensuring) all(ctx context.Context) (*runpb.Service, error) {
	for began, pause := time.Now(), firstPause; ; {
		there, err := e.GetService(ctx, &runpb.GetServiceRequest{Name: e.options.path(e.service)})
		if err != nil && !missing(err) {
			return nil, err
		}
		step, done := e.next(ctx, there, missing(err))
		switch {
		case done:
			return there, nil
		case step != nil:
			if err := step(); err != nil && !e.conflicting(err) {
				return nil, err
			}
		case time.Since(began) > longestWait:
			return nil, e.tooLong()
		default: // Cloud Run is at work, for somebody else or for a call that was broken off
			e.tell(there)
			if pause, err = rest(ctx, pause); err != nil {
				return nil, err
			}
		}
	}
}

// next is the next step; none if there is only to wait.
func (e *ensuring) next(ctx context.Context, there *runpb.Service, absent bool) (step func() error, done bool) {
	state := there.GetTerminalCondition().GetState()
	switch {
	case absent:
		return func() error { return e.create(ctx) }, false
	case there.Reconciling || there.DeleteTime != nil:
		return nil, false
	case there.Annotations[planKey] != e.want.Annotations[planKey]:
		e.retried = true // a failure will be this one's
		return func() error { return e.update(ctx, renew(there, e.want)) }, false
	case state == runpb.Condition_CONDITION_FAILED && e.retried:
		return func() error { return e.broken(there) }, false
	case state == runpb.Condition_CONDITION_FAILED:
		e.retried = true
		return func() error { return e.update(ctx, again(there, time.Now())) }, false
	case behind(there):
		next := renew(there, there)
		next.Traffic = all(last(there.LatestReadyRevision))
		return func() error { return e.update(ctx, next) }, false
	}
	return nil, state == runpb.Condition_CONDITION_SUCCEEDED
}

func (e *ensuring) create(ctx context.Context) error {
	e.retried = true
	op, err := e.CreateService(ctx, &runpb.CreateServiceRequest{Parent: e.options.parent(), ServiceId: e.service, Service: e.want})
	if err != nil {
		return err
	}
	return e.wait(ctx, op)
}

func (e *ensuring) update(ctx context.Context, s *runpb.Service) error {
	op, err := e.UpdateService(ctx, &runpb.UpdateServiceRequest{Service: s}) // with the etag of what was read
	if err != nil {
		return err
	}
	return e.wait(ctx, op)
}

// conflicting tells whether to look again, as somebody else has changed the service since.
func (e *ensuring) conflicting(err error) bool {
	if code := codeOf(err); code != codes.Aborted && code != codes.AlreadyExists {
		return false
	}
	e.conflict++
	return e.conflict < conflicts
}

// operation is what Cloud Run does when it has answered.
type operation interface {
	Poll(context.Context, ...gax.CallOption) (*runpb.Service, error)
	Metadata() (*runpb.Service, error)
	Done() bool
}

// wait waits for an operation to end.
func (e *ensuring) wait(ctx context.Context, op operation) error {
	for began, pause := time.Now(), firstPause; ; {
		_, err := op.Poll(ctx)
		switch {
		case op.Done() && err != nil: // it has failed, and nothing else has
			return failed(e.op, "see what Cloud Run says, and the service's log; it is tried again when it is asked for again",
				fmt.Errorf("%w: service %s: %w", meaningOf(err).sentinel, e.service, err))
		case op.Done():
			return nil
		case err != nil:
			return err
		case time.Since(began) > longestWait:
			return e.tooLong()
		}
		if says, err := op.Metadata(); err == nil {
			e.tell(says)
		}
		if pause, err = rest(ctx, pause); err != nil {
			return err
		}
	}
}

// tell tells what Cloud Run says.
func (e *ensuring) tell(s *runpb.Service) {
	if e.options.Progress == nil {
		return
	}
	says := s.GetTerminalCondition().GetMessage()
	for _, c := range s.GetConditions() {
		if c.State == runpb.Condition_CONDITION_RECONCILING || c.State == runpb.Condition_CONDITION_PENDING {
			says = c.Type + ": " + c.Message
			break
		}
	}
	e.options.Progress(e.service, says)
}

func (e *ensuring) broken(s *runpb.Service) error {
	return failed(e.op, "see what Cloud Run says, and the service's log; it is tried again when it is asked for again",
		fmt.Errorf("%w: service %s: %s", providers.ErrInvalid, e.service, s.TerminalCondition.Message))
}

func (e *ensuring) tooLong() error {
	return failed(e.op, atWork.remedy, fmt.Errorf("%w: service %s is not ready after %v", atWork.sentinel, e.service, longestWait))
}

// firstPause is between the first two looks at what Cloud Run does, and doubles up to two seconds.
const firstPause = 100 * time.Millisecond

// rest waits, and returns how long to wait the next time.
func rest(ctx context.Context, pause time.Duration) (time.Duration, error) {
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-t.C:
		return min(2*pause, 2*time.Second), nil
	case <-ctx.Done():
		return pause, ctx.Err()
	}
}
