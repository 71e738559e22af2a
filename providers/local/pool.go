package local

import (
	"slices"
	"time"

	"github.com/serflow/serflow-go/providers"
)

// function is one that has been made, and its idle processes. The one that was used last
// is used next, so that those of a past peak expire. All of it is guarded by the
// provider's lock.
type function struct {
	providers.Function
	spec    providers.FunctionSpec // with its setup, which nobody is shown
	program string
	cold    time.Duration
	removed bool
	idle    []*process // the longest idle first
}

// take takes an idle process that lives, nil if there is none.
func (fn *function) take() *process {
	for len(fn.idle) > 0 {
		last := len(fn.idle) - 1
		x := fn.idle[last]
		fn.idle = fn.idle[:last]
		x.expiry.Stop()
		if !x.child.over() {
			return x
		}
	}
	return nil
}

// drop takes a process from the idle ones, and tells whether it was there.
func (fn *function) drop(x *process) bool {
	i := slices.Index(fn.idle, x)
	if i < 0 {
		return false
	}
	x.expiry.Stop()
	fn.idle = slices.Delete(fn.idle, i, i+1)
	return true
}

// put makes a process idle whose call has ended. The provider is locked.
func (p *Provider) put(fn *function, x *process) {
	if fn.removed || p.ctx.Err() != nil {
		p.running.Go(x.child.end)
		return
	}
	x.turn++
	turn := x.turn
	x.expiry = time.AfterFunc(p.options.KeepAlive, func() { p.expire(fn, x, turn) })
	fn.idle = append(fn.idle, x)
}

// expire ends a process that has been idle for too long, unless it has had another turn
// since.
func (p *Provider) expire(fn *function, x *process, turn int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if x.turn == turn && fn.drop(x) {
		p.running.Go(x.child.end)
	}
}

// retire ends the idle processes of a function that is used no more. The provider is
// locked.
func (p *Provider) retire(fn *function) {
	fn.removed = true
	for x := fn.take(); x != nil; x = fn.take() {
		p.running.Go(x.child.end)
	}
}
