package drift

// watched is one stage's reach.
type watched struct {
	above, below test
	alarm        Alarm
	alarmed      bool
}

// look tells whether the alarm has begun or ended. It ends when both tests have
// seen enough to say that the share is inside.
func (w *watched) look(slice Tally, c Config) bool {
	w.above.add(slice, 1/c.Dispersion)
	w.below.add(slice, 1/c.Dispersion)
	evidence, since := w.above.strongest()
	if e, s := w.below.strongest(); e > evidence {
		evidence, since = e, s
	}
	switch {
	case !w.alarmed && evidence >= c.alarmAt():
		w.alarmed = true
		w.alarm = Alarm{Seen: since.Reached / since.Requests}
		w.above.again()
		w.below.again()
		return true
	case w.alarmed && w.healed(c):
		w.alarmed = false
		w.above.again()
		w.below.again()
		return true
	}
	return false
}

// healed holds if the share is known to be inside, on each side that has an outside.
func (w *watched) healed(c Config) bool {
	inside := func(t *test) bool { return !t.usable || t.healing >= c.clearAt() }
	return inside(&w.above) && inside(&w.below)
}
