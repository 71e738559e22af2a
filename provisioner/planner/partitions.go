package planner

import "github.com/serflow/serflow-go/stage"

// mostPartitions bounds the search in models of more than 12 stages, whose partitions into
// the fewest groups come first.
const mostPartitions = 1 << 11

// partitions calls with every partition of the model into function groups that could do.
// A stage that begins no range which a function holds is left to VMs.
func (p *problem) partitions(each func(*partition)) {
	f := p.newPartition()
	cuts := p.mostCuts()
	var from func(s, cuts int)
	from = func(s, cuts int) {
		if s == p.stages {
			if f.quick() {
				f.link()
				each(f)
			}
			return
		}
		none := true
		for last := p.stages - 1; last >= s; last-- {
			if p.calls[s][last].offer < 0 {
				continue
			}
			none = false
			if last == p.stages-1 || cuts > 0 {
				f.place(stage.Range{First: s, Last: last})
				from(last+1, cuts-1)
			}
		}
		if none {
			f.leave(s)
			from(s+1, cuts)
		}
	}
	from(0, cuts)
	if cuts < p.stages-1 {
		for _, ends := range [][]int{p.reference.ends, p.alone()} {
			if f.follow(ends) && f.quick() {
				f.link()
				each(f)
			}
		}
	}
}

// alone is the end of each stage's group if it is alone in it.
func (p *problem) alone() (ends []int) {
	for s := range p.stages {
		ends = append(ends, s)
	}
	return ends
}

// follow places groups with these ends, given by their first stages. It is false if a group
// of several stages has no function.
func (f *partition) follow(ends []int) bool {
	for s := 0; s < f.p.stages; s = ends[s] + 1 {
		switch {
		case f.p.calls[s][ends[s]].offer >= 0:
			f.place(stage.Range{First: s, Last: ends[s]})
		case ends[s] == s:
			f.leave(s)
		default:
			return false
		}
	}
	return true
}

// mostCuts is how many cuts a partition may have for there not to be too many of them.
func (p *problem) mostCuts() int {
	count, of := 0, 1
	for cuts := 0; cuts < p.stages; cuts++ {
		if count += of; count > mostPartitions {
			return max(cuts-1, 0)
		}
		of = of * (p.stages - 1 - cuts) / (cuts + 1)
	}
	return p.stages
}
