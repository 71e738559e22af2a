package estimate

import "slices"

// promise is a forecast that will be held against what comes.
type promise struct {
	At        int64   `json:"at"` // second
	Level     float64 `json:"level"`
	Situation int     `json:"situation"`
}

// promises are those that may still be asked for, the oldest first.
type promises []promise

// mostPromises bounds the memory, however long a boot is.
const mostPromises = 64

// spacing is the time between promises that are kept, so that they span a boot of lead seconds
// and the longest block.
func spacing(lead int64) int64 { return (lead + longBlock) / (mostPromises - 4) }

func (p *promises) add(next promise, lead int64) {
	list := *p
	if n := len(list); n > 0 && next.At < list[n-1].At { // the clock has been set back
		list = list[:0]
	} else if n > 0 && next.At-list[n-1].At < spacing(lead) {
		return
	}
	if len(list) == mostPromises {
		list = slices.Delete(list, 0, 1)
	}
	*p = append(list, next)
}

// at is the promise made at a second, or a little before.
func (p promises) at(second, lead int64) (promise, bool) {
	for i := len(p) - 1; i >= 0; i-- {
		if p[i].At <= second {
			return p[i], second-p[i].At <= spacing(lead)+longBlock
		}
	}
	return promise{}, false
}
