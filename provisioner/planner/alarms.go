package planner

import (
	"time"

	"github.com/serflow/serflow-go/stage/worker/queue"
)

// alarms are when requests want to be woken. Most have ended by then, so alarms lie in buckets, and only
// those that still count are sorted, when their bucket comes up.
type alarms struct {
	width   time.Duration // of a bucket
	buckets [alarmBuckets][]alarm
	next    int64 // the number of the first bucket that may have any
}

const alarmBuckets = 64

type alarm struct {
	at      time.Duration
	request int32
	life    uint32
}

// add tells whether there is a bucket for an alarm: if it is not too far ahead, nor too near.
func (a *alarms) add(x alarm) bool {
	n := int64(x.at / a.width)
	if n < a.next || n >= a.next+alarmBuckets {
		return false
	}
	b := &a.buckets[n%alarmBuckets]
	*b = append(*b, x)
	return true
}

// wake has a request woken at a time.
func (s *run) wake(i int32, at time.Duration) {
	q := &s.requests[i]
	if at >= q.woken {
		return
	}
	q.woken = at
	if at < queue.Never && !s.alarms.add(alarm{at, i, q.life}) {
		s.events.Push(at, due{timer, i, q.life})
	}
}

// ring makes events of the alarms up to a time.
func (s *run) ring(until time.Duration) {
	for a := &s.alarms; time.Duration(a.next)*a.width <= until; a.next++ {
		b := &a.buckets[a.next%alarmBuckets]
		for _, x := range *b {
			if q := &s.requests[x.request]; q.life == x.life && q.woken == x.at {
				s.events.Push(x.at, due{timer, x.request, x.life})
			}
		}
		*b = (*b)[:0]
	}
}
