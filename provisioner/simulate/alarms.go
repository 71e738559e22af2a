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

// until gives out the alarms of all buckets that begin no later than a time, unsorted.
// It stops at the first bucket that had one, and says whether there may be more.
func (a *alarms) until(t time.Duration, give func(due)) (more bool) {
	for a.count > 0 && time.Duration(a.first)*bucketWidth <= t {
		b := &a.buckets[a.first%maxBuckets]
		a.first++
		if len(*b) == 0 {
			continue
		}
		a.count -= len(*b)
		for _, x := range *b {
			give(x)
		}
		*b = (*b)[:0]
		return true
	}
	return false
}
