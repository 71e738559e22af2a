package serflow

import (
	"net/http"
	"time"
)

// BothGroups are the groups of two plans together.
var BothGroups = bothGroups

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
