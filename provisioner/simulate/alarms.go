package simulate

import "time"

// alarms are events of which most are called off before they are due, as the time-out of
// a request is by its reply. They lie in buckets of a millisecond, and only those that
// still count when their bucket comes up are sorted (a hashed timing wheel: Varghese and
// Lauck 1987). The zero value is empty.
type alarms struct {
	buckets [][]due
	first   int64 // number of the first bucket that is not empty, or of one before it
	count   int
}

const (
	bucketWidth = time.Millisecond
	maxBuckets  = 512 // further ahead an alarm is an event like any other
)

// add takes an alarm in, if it is due soon, but not in a bucket that has been given out.
func (a *alarms) add(now, at time.Duration, e event) bool {
	if a.count == 0 {
		a.first = int64(now / bucketWidth)
	}
	n := int64(at / bucketWidth)
	if n < a.first || n-a.first >= maxBuckets {
		return false
	}
	if a.buckets == nil {
		a.buckets = make([][]due, maxBuckets)
	}
	b := &a.buckets[n%maxBuckets]
	*b = append(*b, due{at, e})
	a.count++
	return true
}

// begun tells whether there may be an alarm in a bucket that begins no later than a time.
func (a *alarms) begun(t time.Duration) bool {
	return a.count > 0 && time.Duration(a.first)*bucketWidth <= t
}

// take gives out the alarms of the first bucket that has one, unsorted, if it begins no later
// than a time. They are valid until the next is added.
func (a *alarms) take(t time.Duration) []due {
	for a.begun(t) {
		b := &a.buckets[a.first%maxBuckets]
		a.first++
		if n := len(*b); n > 0 {
			a.count -= n
			taken := *b
			*b = taken[:0]
			return taken
		}
	}
	return nil
}
