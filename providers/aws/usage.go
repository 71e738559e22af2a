package aws

import (
	"math"
	"strings"
	"sync"
	"time"

	"github.com/serflow/serflow-go/stage"
)

// idleFor is how many minutes Lambda is taken to keep a sandbox that nobody calls. AWS says of no time that
// it does; five to ten minutes are what its users see.
const idleFor = 10

// usage is how many calls of each function this process has had in flight at once in the last minutes, which
// is how many sandboxes of it are warm. It is safe for concurrent use.
type usage struct {
	mu        sync.Mutex
	began     time.Time
	functions map[string]*calls
}

// calls are those of one function.
type calls struct {
	stages  stage.Range // that it serves
	running int
	most    [idleFor]struct { // at once, by minute
		minute int64
		calls  int
	}
}

func newUsage() *usage { return &usage{began: time.Now(), functions: map[string]*calls{}} }

// of is the calls of a function. The usage is locked.
func (u *usage) of(function string) *calls {
	c := u.functions[function]
	if c == nil {
		c = &calls{stages: stage.Range{Last: math.MaxInt}} // until somebody says
		u.functions[function] = c
	}
	return c
}

// serves says what stages a function serves.
func (u *usage) serves(function string, stages stage.Range) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.of(function).stages = stages
}

// forget is for a function that is no more: there is nothing of it to be replaced.
func (u *usage) forget(function string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.functions, function)
}

// begin counts a call.
func (u *usage) begin(function string) *calls {
	u.mu.Lock()
	defer u.mu.Unlock()
	c := u.of(function)
	c.running++
	return c
}

// end counts a call off, which had a sandbox unless it was refused. How many run together is noted when
// one of them ends: it is never more between two ends.
func (u *usage) end(c *calls, refused bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !refused {
		c.note(u.minute())
	}
	c.running--
}

func (u *usage) minute() int64 { return max(0, int64(time.Since(u.began)/time.Minute)) }

func (c *calls) note(minute int64) {
	m := &c.most[minute%idleFor]
	if m.minute != minute {
		m.minute, m.calls = minute, 0
	}
	m.calls = max(m.calls, c.running)
}

// in is the most calls at once that were noted in a minute.
func (c *calls) in(minute int64) int {
	if m := c.most[minute%idleFor]; m.minute == minute {
		return m.calls
	}
	return 0
}

// width is how many calls were in flight at once of late to functions of an owner that serve some of these
// stages: what a function that takes their place is to be ready for.
func (u *usage) width(owner string, stages stage.Range) (width int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	now, prefix := u.minute(), prefixOf(owner)
	for minute := max(0, now-idleFor+1); minute <= now; minute++ {
		n := 0
		for name, c := range u.functions {
			if !strings.HasPrefix(name, prefix) || c.stages.First > stages.Last || c.stages.Last < stages.First {
				continue
			}
			if minute == now {
				n += max(c.running, c.in(minute))
			} else {
				n += c.in(minute)
			}
		}
		width = max(width, n)
	}
	return width
}

// running is how many calls are in flight to one function, or to all for an empty name.
func (u *usage) running(function string) (n int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for name, c := range u.functions {
		if function == "" || function == name {
			n += c.running
		}
	}
	return n
}
