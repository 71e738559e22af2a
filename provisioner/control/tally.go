package control

import "github.com/serflow/serflow-go/provisioner/estimate"

// Tally counts requests by stage and second, for Seen. It is not safe for concurrent use.
type Tally struct {
	seen  []estimate.Counts // by stage, that have not been taken
	now   int64             // of the ration
	begun int               // in that second
}

// NewTally counts from a second on, for a model of so many stages.
func NewTally(stages int, second int64) *Tally {
	t := &Tally{seen: make([]estimate.Counts, stages)}
	for s := range t.seen {
		t.seen[s].First = second
	}
	return t
}

// See counts a request that has got to a stage.
func (t *Tally) See(second int64, stage int) {
	c := &t.seen[stage]
	i := second - c.First
	if i < 0 || i > longestGap { // it is from before, or long after anyone has asked
		return
	}
	for int64(len(c.Each)) <= i {
		c.Each = append(c.Each, 0)
	}
	c.Each[i]++
}

// longestGap is how many seconds there may be between two Takes. What a program has missed that
// slept for longer is not known, rather than nothing.
const longestGap = 120

// Take hands over the seconds that have ended.
func (t *Tally) Take(second int64) (counts []estimate.Counts) {
	for s := range t.seen {
		c := &t.seen[s]
		ended := second - c.First
		if ended < 0 || ended > longestGap {
			*c = estimate.Counts{First: second}
			counts = append(counts, estimate.Counts{First: second})
			continue
		}
		for int64(len(c.Each)) < ended {
			c.Each = append(c.Each, 0)
		}
		counts = append(counts, estimate.Counts{First: c.First, Each: c.Each[:ended:ended]})
		*c = estimate.Counts{First: second, Each: append([]int(nil), c.Each[ended:]...)}
	}
	return counts
}

// Rationed counts a request that begins, and tells whether it is one too many for VMs that may
// have so many of each second.
func (t *Tally) Rationed(second int64, ration float64) bool {
	if second != t.now {
		t.now, t.begun = second, 0
	}
	t.begun++
	return float64(t.begun) > ration
}
