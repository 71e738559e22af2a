package gcp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	compute "cloud.google.com/go/compute/apiv1"
	"cloud.google.com/go/compute/apiv1/computepb"

	"github.com/serflow/serflow-go/providers"
)

// intent is a launch and how far it has come. It is kept, so that a caller who asks again goes on
// where the answer was lost: with the same requests, each of which Compute Engine does once.
type intent struct {
	launch  providers.Launch
	turn    chan struct{} // held by the caller whose turn it is
	wanted  []wanted      // one for each VM; nil before the first ask
	settled bool
	refusal error // if it is settled so
}

// wanted is one VM of a launch.
type wanted struct {
	vm       providers.Instance
	granted  bool
	done     bool    // granted, or not to be had
	refusals []error // of the candidates before the one that is next, or for good
	next     int
	asked    bool // of the one that is next: it may have been granted
}

const (
	remembered = 10_000 // launches that are kept
	atOnce     = 8      // insertions
)

// Launch asks for VMs of the cheapest type and in the preferred zone, and goes on to the next where
// there is none. It waits until Compute Engine has made them, and may return fewer than were asked
// for.
func (e *ComputeEngine) Launch(ctx context.Context, l providers.Launch) ([]providers.Instance, error) {
	const op = "launch"
	if err := l.Validate(); err != nil {
		return nil, failed(op, "", err)
	}
	api, err := e.begin(ctx, op)
	if err != nil {
		return nil, err
	}
	all, err := e.options.ways(l)
	if err != nil {
		return nil, failed(op, "", err)
	}
	it, err := e.intent(l)
	if err != nil {
		return nil, failed(op, "use a new token", err)
	}
	select {
	case it.turn <- struct{}{}:
		defer func() { <-it.turn }()
	case <-ctx.Done():
		return nil, failed(op, "VMs may have come of it: ask again with the same token, or list them", ctx.Err())
	}
	return e.proceed(ctx, launching{api, op, l, all}, it)
}

// ways is the ways to meet a launch, which can be asked for. Its error wraps one of the sentinels of
// package providers.
func (o VMOptions) ways(l providers.Launch) ([]candidate, error) {
	i := slices.IndexFunc(o.Sold, func(vm VM) bool { return vm.Offer == l.Offer })
	if i < 0 {
		return nil, fmt.Errorf("%w: VM type %q: launch one of Offers", providers.ErrNotFound, l.Offer.Name)
	}
	all := o.candidates(o.Sold[i])
	_, err := o.insertion(l, 0, all[0])
	return all, err
}

// intent is that of a launch, a new one if it was never asked for. Its error wraps
// providers.ErrInvalid.
func (e *ComputeEngine) intent(l providers.Launch) (*intent, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if it := e.intents[l.Token]; it != nil {
		if it.launch != l {
			return nil, fmt.Errorf("%w: token %q was used for another launch", providers.ErrInvalid, l.Token)
		}
		return it, nil
	}
	if len(e.order) >= remembered {
		delete(e.intents, e.order[0])
		e.order = e.order[1:]
	}
	it := &intent{launch: l, turn: make(chan struct{}, 1)}
	e.intents[l.Token], e.order = it, append(e.order, l.Token)
	return it, nil
}

// launching is one call of Launch.
type launching struct {
	*compute.InstancesClient
	op  string
	l   providers.Launch
	all []candidate
}

// proceed takes a launch to its end, or to where it is not known how to go on.
func (e *ComputeEngine) proceed(ctx context.Context, x launching, it *intent) ([]providers.Instance, error) {
	if it.refusal != nil {
		return nil, it.refusal
	}
	if it.settled || it.wanted == nil {
		there, err := e.find(ctx, x.op, x.InstancesClient, tokenKey, x.l.Token, func(vm providers.Instance) bool {
			return vm.Token == x.l.Token && vm.Owner == x.l.Owner
		})
		if err != nil || it.settled || len(there) > 0 { // another process may have asked, and come further
			it.settled = it.settled || len(there) > 0
			return there, err
		}
		it.wanted = make([]wanted, x.l.VMs)
	}
	errs := make([]error, len(it.wanted))
	var all sync.WaitGroup
	turns := make(chan struct{}, atOnce)
	for i := range it.wanted {
		all.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			errs[i] = e.seek(ctx, x, i, &it.wanted[i])
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return e.settle(x.op, it)
}

// seek tries the candidates for one VM until it is granted, or is not to be had. Its error leaves it
// open.
func (e *ComputeEngine) seek(ctx context.Context, x launching, i int, w *wanted) error {
	for !w.done && w.next < len(x.all) {
		c := x.all[w.next]
		err := e.insert(ctx, x, i, c, w)
		var there refused
		switch {
		case err == nil:
			w.done = true
		case !errors.As(err, &there):
			return understood(ctx, x.op, err)
		case w.asked: // by an earlier call, of which this refusal says nothing: elsewhere might be a second VM
			return failed(x.op, "ask again with the same token", fmt.Errorf("%w: an earlier ask was not answered, and then: %v", providers.ErrUnavailable, there.error))
		case there.elsewhere:
			w.refusals, w.next = append(w.refusals, fmt.Errorf("%s in %s: %w", c.Name, c.zone, there.error)), w.next+1
		default:
			w.refusals, w.done = []error{there.error}, true
		}
	}
	w.done = true
	return nil
}

// refused is an error that says that one candidate gives no VM.
type refused struct {
	error
	remedy    string
	elsewhere bool // another one may
}

// insert asks for a VM of one candidate, and waits until it is there. If it is not known what came
// of it, its error is none that is refused.
func (e *ComputeEngine) insert(ctx context.Context, x launching, i int, c candidate, w *wanted) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	request, err := e.options.insertion(x.l, i, c)
	if err != nil {
		return refused{error: err}
	}
	op, err := x.Insert(ctx, request)
	if err == nil {
		w.asked = true
		if err := e.made(ctx, op); err != nil {
			w.asked = !errors.As(err, new(refused)) // its own request's refusal is certain
			return err
		}
		return e.grant(ctx, x, request, w)
	}
	switch m := meaningOf(err); {
	case taken(err): // by an earlier ask, of this process or another
		return e.grant(ctx, x, request, w)
	case ctx.Err() != nil, m.sentinel == providers.ErrUnavailable:
		w.asked = true
		return err
	default:
		return refused{fmt.Errorf("%w: %w", m.sentinel, err), m.remedy, m == noCapacity || m == overQuota}
	}
}

// made waits for an insertion to be done.
func (e *ComputeEngine) made(ctx context.Context, op *compute.Operation) error {
	for began, pause := time.Now(), firstPause; ; {
		if op.Done() {
			return outcome(op)
		}
		if err := op.Poll(ctx); err != nil && !op.Done() {
			return fmt.Errorf("%w: it has begun, and its operation cannot be seen: %v", providers.ErrUnavailable, err)
		}
		if op.Done() {
			return outcome(op)
		}
		if time.Since(began) > longestWait {
			return fmt.Errorf("%w: Compute Engine has not made it after %v: ask again", providers.ErrUnavailable, longestWait)
		}
		var err error
		if pause, err = rest(ctx, pause); err != nil {
			return err
		}
	}
}

// outcome is what came of an operation that is done. If it is another fault than one that names its
// cause, there may be room elsewhere: there is no VM of it in any case.
func outcome(op *compute.Operation) error {
	errs := op.Proto().GetError().GetErrors()
	if len(errs) == 0 {
		return nil
	}
	code := errs[0].GetCode()
	m, known := operationMeanings[code]
	if !known {
		m = noCapacity
	}
	if code == "RESOURCE_ALREADY_EXISTS" {
		return nil
	}
	return refused{fmt.Errorf("%w: %s: %s", m.sentinel, code, errs[0].GetMessage()), m.remedy, m == noCapacity || m == overQuota}
}

// grant looks at a VM that has been made. It may have ended since.
func (e *ComputeEngine) grant(ctx context.Context, x launching, r *computepb.InsertInstanceRequest, w *wanted) error {
	made, err := x.Get(ctx, &computepb.GetInstanceRequest{Project: r.Project, Zone: r.Zone, Instance: r.InstanceResource.GetName()})
	if missing(err) {
		return nil
	} else if err != nil {
		return fmt.Errorf("%w: it is made, and cannot be seen: %v", providers.ErrUnavailable, err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	w.vm, w.granted = e.options.instance(made), true
	if !e.memory.Ended(w.vm.ID) {
		e.memory.Begun(time.Now(), w.vm)
	}
	return nil
}

// settle ends a launch with what there is of it.
func (e *ComputeEngine) settle(op string, it *intent) (there []providers.Instance, err error) {
	it.settled = true
	var refusals []error
	for _, w := range it.wanted {
		if w.granted {
			there = append(there, w.vm)
		} else {
			refusals = append(refusals, w.refusals...)
		}
	}
	if len(there) == 0 && len(refusals) > 0 {
		it.refusal = nothing(op, refusals)
		return nil, it.refusal
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.DeleteFunc(there, func(vm providers.Instance) bool { return e.memory.Ended(vm.ID) }), nil
}

// nothing is the error of a launch of which nothing came. If there was no capacity somewhere, it is
// that; else what was said first.
func nothing(op string, refusals []error) error {
	slices.SortStableFunc(refusals, func(a, b error) int {
		return rank(a) - rank(b)
	})
	remedy := wrong.remedy
	for _, m := range []meaning{throttled, denied, overQuota, noCapacity} {
		if errors.Is(refusals[0], m.sentinel) {
			remedy = m.remedy
		}
	}
	said := map[string]bool{}
	var err error
	for _, r := range refusals {
		switch {
		case said[r.Error()]:
		case err == nil:
			err = r
		default:
			err = fmt.Errorf("%w; %v", err, r)
		}
		said[r.Error()] = true
	}
	return failed(op, remedy, err)
}

func rank(err error) int {
	if errors.Is(err, noCapacity.sentinel) {
		return 0
	}
	return 1
}
