package simulate

import (
	"time"

	"github.com/serflow/serflow-go/internal/heap"
)

// agenda is the events to come. Most of them are requests and replies on their way, and
// those that take equally long arrive in the order in which they left: they wait in a
// lane of their own, which costs less than a heap does.
type agenda struct {
	others heap.Heap[event]
	lanes  []lane
	alarms alarms
	counts func(at time.Duration, e event) bool // whether an alarm has not been called off
}

// maxLanes bounds what is to be looked at for the next event. Times beyond that many
// different ones share the heap.
const maxLanes = 8

// lane is a queue of events that come a fixed time after they are added.
type lane struct {
	delay time.Duration
	queue []due
	head  int // of queue
}

type due struct {
	at    time.Duration
	event event
}

// at adds an event for a time.
func (a *agenda) at(t time.Duration, e event) { a.others.Push(t, e) }

// after adds an event for a time from now, which must never go back.
func (a *agenda) after(now, delay time.Duration, e event) {
	at := later(now, delay)
	for i := range a.lanes {
		if l := &a.lanes[i]; l.delay == delay {
			l.queue = append(l.queue, due{at, e})
			return
		}
	}
	if len(a.lanes) == maxLanes {
		a.others.Push(at, e)
		return
	}
	a.lanes = append(a.lanes, lane{delay: delay, queue: []due{{at, e}}})
}

// alarm adds an event that may be called off before it is due.
func (a *agenda) alarm(now, t time.Duration, e event) {
	if !a.alarms.add(now, t, e) {
		a.others.Push(t, e)
	}
}

// next is when the next event is due, and where it waits: in a lane, or in the heap if
// that is -1. Without events it is Never. Of events that are due at one time, those in lanes
// come first.
func (a *agenda) next() (at time.Duration, where int) {
	at, where = Never, -1
	for i := range a.lanes {
		if l := &a.lanes[i]; l.head < len(l.queue) && l.queue[l.head].at < at {
			at, where = l.queue[l.head].at, i
		}
	}
	for {
		if t, _, ok := a.others.Peek(); ok && t < at {
			at, where = t, -1
		}
		if !a.alarms.begun(at) {
			return at, where
		}
		for _, x := range a.alarms.take(at) {
			if a.counts(x.at, x.event) {
				a.others.Push(x.at, x.event)
			}
		}
	}
}

// take removes the next event from where it waits.
func (a *agenda) take(where int) event {
	if where < 0 {
		_, e, _ := a.others.Pop()
		return e
	}
	return a.lanes[where].take()
}

func (l *lane) take() event {
	e := l.queue[l.head].event
	l.head++
	if l.head > len(l.queue)/2 { // move what is left to the front, at most once for each event
		n := copy(l.queue, l.queue[l.head:])
		l.queue, l.head = l.queue[:n], 0
	}
	return e
}
