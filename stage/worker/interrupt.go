package worker

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"

	"github.com/serflow/serflow-go/internal/launch"
)

// Interrupt says that the machine is about to be taken back, as a cloud's notice does:
// once the channel is closed or sends, the worker takes no more rows and finishes those that
// it has. It goes on saying that it is draining until it is ended, and its service, which asks
// it at every heartbeat, sends it nothing more and replaces it.
func Interrupt(notice <-chan struct{}) Option {
	return func(o *options) {
		o.waits = append(o.waits, func(ctx context.Context) error {
			select {
			case <-notice:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}
}

// InterruptWhen is Interrupt for a function that waits for the notice, and returns nil when it
// has come. It is called in workers on VMs only, once, on a goroutine of its own, and its context is
// over when the worker ends. If it returns an error, nobody waits any more: that is written to
// standard error, and the worker goes on. Several may be given, as for a program that runs on
// more than one cloud; the first notice counts.
func InterruptWhen(wait func(ctx context.Context) error) Option {
	return func(o *options) { o.waitsOnVMs = append(o.waitsOnVMs, wait) }
}

// notice begins to wait, and returns what is closed when a notice has come.
func (o options) notice(ctx context.Context, kind string) <-chan struct{} {
	came := make(chan struct{})
	come := sync.OnceFunc(func() { close(came) })
	waits := o.waits
	if kind == launch.VM {
		waits = slices.Concat(waits, o.waitsOnVMs)
	}
	for _, wait := range waits {
		go func() {
			err := wait(ctx)
			switch {
			case err == nil:
				come()
			case ctx.Err() == nil:
				fmt.Fprintln(os.Stderr, "serflow worker: no notice will be seen that the machine is taken back:", err)
			}
		}()
	}
	return came
}
