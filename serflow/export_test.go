package serflow

import "net/http"

// Transport takes requests to VMs, in tests without a network.
func Transport(t http.RoundTripper) Option { return func(p *Pipeline) { p.rental.transport = t } }
