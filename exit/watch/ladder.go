package watch

import "time"

// longestRest is what the rest before a looser rung may grow to, and how long a rung must last for
// an alarm on it to be a new one.
const longestRest = 6 * time.Hour

// step is the last change of rung.
type step struct {
	at     time.Duration
	taken  bool
	looser bool
}

// climb goes to a stricter rung at once when the one in force breaks the promise, and on past those
// that do so too. It goes to a looser one when that is known to keep it, one rung in a rest: what
// shows that it does has worn off all that showed the contrary before.
func (w *Watch) climb(now time.Duration) bool {
	before := w.at
	for w.at < len(w.rungs) && w.rungs[w.at].broken.enough() {
		w.at++
	}
	if w.at > before {
		w.restLonger(now)
	} else if w.at > 0 && w.rested(now) && w.rungs[w.at-1].kept.enough() {
		w.at--
	}
	if w.at == before {
		return false
	}
	w.last = step{now, true, w.at < before}
	return true
}

// restLonger doubles the rest when a looser rung has soon turned out to be a mistake: where agreement
// is at the very edge of the promise, the watch would else go to and fro for ever.
func (w *Watch) restLonger(now time.Duration) {
	switch {
	case !w.last.taken || now-w.last.at >= longestRest:
		w.rest = w.config.Rest
	case w.last.looser:
		w.rest = max(w.config.Rest, min(2*w.rest, longestRest))
	}
}

func (w *Watch) rested(now time.Duration) bool {
	return !w.last.taken || now-w.last.at >= w.rest
}
