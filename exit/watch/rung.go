package watch

import "github.com/serflow/serflow-go/exit"

// blocks is how many parts the window of reported samples has: the oldest is dropped whole.
const blocks = 8

// rung is one set of policies, and what the samples have shown of it, in force or not.
type rung struct {
	policies []exit.Policy
	broken   evidence // more requests disagree than was promised
	kept     evidence // fewer
	window   [blocks][]exit.Tally
}

// surer is how many times less often the watch may err when it goes to a looser rung than when
// it goes to a stricter one. At full depth all requests are samples, and time to be sure is cheap.
const surer = 100

func newRung(policies []exit.Policy, c Config) rung {
	level := float64(c.Window) / (1 - c.Confidence)
	r := rung{policies: policies, broken: above(c.limit(), level), kept: below(c.limit(), surer*level)}
	for i := range r.window {
		r.window[i] = make([]exit.Tally, len(policies))
	}
	return r
}

// leave is the exit at which the rung lets a request leave.
func (r *rung) leave(seen []Seen) int {
	last := len(seen) - 1
	for k := range last {
		if seen[k].Class >= 0 && r.policies[k].Accepts(seen[k].Score) {
			return k
		}
	}
	return last
}

func (r *rung) add(seen []Seen, block int) {
	k := r.leave(seen)
	agree := seen[k].Class == seen[len(seen)-1].Class
	t := &r.window[block][k]
	t.Left++
	if agree {
		t.Agree++
	}
	r.broken.add(!agree)
	r.kept.add(!agree)
}

// recent adds up the window.
func (r *rung) recent() []exit.Tally {
	sum := make([]exit.Tally, len(r.policies))
	for _, block := range r.window {
		for k, t := range block {
			sum[k].Left += t.Left
			sum[k].Agree += t.Agree
		}
	}
	return sum
}
