package aws

import (
	"context"
	"errors"
	"time"

	"github.com/serflow/serflow-go/providers"
)

// How long Ensure goes on where Lambda throttles its calls.
const (
	enoughTime = 3 * time.Second // until fewer warm sandboxes are enough
	provenTime = time.Minute     // until code is given up that has not answered even once
	firstPause = 200 * time.Millisecond
	lastPause  = 5 * time.Second
)

// wanted is how many sandboxes a version is to have before the alias names it: as many as calls were in flight
// at once of late to what it replaces, but none that would take their place. Replacing is that the alias names
// another version, which stays until this one has answered.
func (e ensuring) wanted(replacing bool) int {
	n := e.usage.width(e.spec.Owner, e.spec.Stages)
	if replacing {
		n = max(n, 1)
	}
	if limit := e.spec.Offer.Concurrency; n > 0 && limit > 0 {
		sharing := "" // the account's limit, with all functions
		if e.reserved > 0 {
			sharing = e.function
		}
		n = min(n, max(1, limit-e.usage.running(sharing)))
	}
	return n
}

// warm calls a version as often at once as it is to have sandboxes: calls that overlap get one each. Fewer are
// enough where Lambda throttles. It is an error if no call is answered, but for new functions that are throttled.
func (e ensuring) warm(ctx context.Context, version string, replacing bool) error {
	w := e.warmed
	w.Wanted = e.wanted(replacing)
	n, answered, begun := w.Wanted, 0, time.Now()
	for pause := firstPause; n > 0; pause = min(2*pause, lastPause) {
		ok, err := e.atOnce(ctx, version, n)
		answered += ok
		if answered == 0 && err != nil && !errors.Is(err, providers.ErrThrottled) {
			return err
		}
		if w.Throttled == 0 || w.Started >= w.Wanted {
			return nil
		}
		spent := time.Since(begun) + pause
		unproven := replacing && answered == 0
		switch {
		case unproven && spent > provenTime:
			return err
		case unproven && spent > enoughTime:
			n = 1
		case spent > enoughTime:
			return nil
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
	return nil
}

// atOnce calls a version n times at once. Its error is that of a call, one that was not throttled if there is one.
func (e ensuring) atOnce(ctx context.Context, version string, n int) (answered int, err error) {
	type answer struct {
		providers.Invocation
		err error
	}
	answers := make(chan answer)
	for range n {
		go func() {
			inv, err := call(ctx, e.Client, e.op, e.function, version, nil)
			answers <- answer{inv, err}
		}()
	}
	for range n {
		a := <-answers
		e.count(a.Invocation, a.err)
		if a.err == nil {
			answered++
		} else if err == nil || errors.Is(err, providers.ErrThrottled) {
			err = a.err
		}
	}
	return answered, err
}

// count adds a call to what Ensure reports.
func (e ensuring) count(inv providers.Invocation, err error) {
	w := e.warmed
	if errors.Is(err, providers.ErrThrottled) {
		w.Throttled++
	}
	if err == nil || inv.Billed > 0 {
		w.Calls++
		w.Dollars += e.spec.Offer.Cost(inv.Billed)
	}
	if inv.Cold > 0 && err == nil {
		w.Started++
	}
}
