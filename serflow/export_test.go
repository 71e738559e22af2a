package serflow

import (
	"net/http"
	"time"

	"github.com/serflow/serflow-go/provisioner/planner"
)

// Replan has a pipeline move to the plan for another question, as it does by itself when traffic or prices change.
func Replan(p *Pipeline, ask planner.Ask) error { return p.cloud.fleet.move(ask, "a test says so") }

// Places is how many places there are, of VMs and functions.
func Places(p *Pipeline) (n int) {
	p.cloud.places.Range(func(any, any) bool { n++; return true })
	return n
}

// Kill ends a pipeline as the end of its process does: nothing is saved, and nobody is told.
func Kill(p *Pipeline) error {
	p.cloud.stop()
	p.cloud.work.Wait()
	p.cloud.store = nil
	return p.Close()
}

// Reprice is an Ask at other prices.
var Reprice = reprice

// Transport takes requests to VMs, in tests without a network.
func Transport(t http.RoundTripper) Option { return func(p *Pipeline) { p.rental.transport = t } }

// DefaultFile is where state is kept by default.
var DefaultFile = defaultFile

// Stuck is after how long a stage that has not returned is stuck.
func Stuck(d time.Duration) Option { return func(p *Pipeline) { p.rental.stuck = d } }

// Unscaled takes Scale back.
func Unscaled() Option { return func(p *Pipeline) { p.rental.scaling = nil } }
