package local

import (
	"testing"
	"time"
)

// idleProcess is a function with an idle process.
func idleProcess() (*function, *process) {
	x := &process{child: &child{done: make(chan struct{}), grace: time.Minute}, turn: 2, expiry: time.NewTimer(time.Hour)}
	return &function{idle: []*process{x}}, x
}

// The keep-alive of an earlier turn may be over at the moment at which a process is used.
func TestAnExpiryThatComesLate(t *testing.T) {
	p := &Provider{}
	fn, x := idleProcess()
	if p.expire(fn, x, 1); len(fn.idle) != 1 {
		t.Error("it has expired by an earlier turn")
	}
	close(x.child.done)
	x.child.pipes = &pipes{}
	if p.expire(fn, x, 2); len(fn.idle) != 0 {
		t.Error("it has not expired")
	}
	p.running.Wait()
}

// A process that has ended is neither used nor kept.
func TestAnIdleProcessThatHasEnded(t *testing.T) {
	fn, x := idleProcess()
	close(x.child.done)
	if fn.take() != nil {
		t.Error("it is used")
	}
	fn, x = idleProcess()
	close(x.child.done)
	if (&Provider{}).mourn(fn, x); len(fn.idle) != 0 {
		t.Error("it is kept")
	}
}
