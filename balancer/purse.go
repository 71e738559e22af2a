package balancer

import "sync/atomic"

// purse holds what a core's requests may spend on being sent twice, in thousandths of a
// request. It fills a cache line.
type purse struct {
	retries, hedges atomic.Int64
	_               [48]byte
}

// Each request adds to the purse what it may spend on average, up to a sum that a sudden
// fault may take at once: the requests in hand of VMs that are lost are sent again, but
// what is sent again and again does not drown what is left.
const (
	price      = 1000
	retryShare = 200
	mostRetry  = 500 * price
	mostHedge  = 10 * price
)

func newPurses(cores int) []purse {
	p := make([]purse, cores)
	for i := range p {
		p[i].retries.Store(mostRetry)
		p[i].hedges.Store(mostHedge)
	}
	return p
}

// earn adds a request's share. Both purses are full most of the time, and then nothing is
// written.
func (p *purse) earn(hedges int64) {
	if p.retries.Load() < mostRetry {
		p.retries.Add(retryShare)
	}
	if p.hedges.Load() < mostHedge {
		p.hedges.Add(hedges)
	}
}

// spend takes a price, if it is there.
func spend(tokens *atomic.Int64, price int64) bool {
	if tokens.Load() < price {
		return false
	}
	tokens.Add(-price)
	return true
}
