package traffic

import (
	"bytes"
	"strconv"
	"time"
)

// farthest apart that two rows of a trace may be.
const farthest = 100 * 365 * 24 * time.Hour

// stamps reads times, and counts them from the first. All must be written like it.
type stamps struct {
	known   bool // what the first was like
	dates   bool
	date    time.Time     // the first
	seconds time.Duration // the first
	text    [64]byte
}

// parse is a time since the first; ok is false if it cannot be read.
func (s *stamps) parse(field []byte) (since time.Duration, ok bool) {
	if !s.known {
		s.dates = len(field) > 4 && field[4] == '-'
	}
	if s.dates {
		return s.parseDate(field)
	}
	at, ok := parseSeconds(field)
	if ok && !s.known {
		s.known, s.seconds = true, at
	}
	return at - s.seconds, ok
}

// parseDate makes the date one of RFC 3339, which the time package reads without
// allocating.
func (s *stamps) parseDate(field []byte) (since time.Duration, ok bool) {
	const clock = len("2006-01-02T15:04:05")
	if len(field) < clock || len(field) >= len(s.text) {
		return 0, false
	}
	text := append(s.text[:0], field...)
	if text[10] == ' ' {
		text[10] = 'T'
	}
	if !bytes.ContainsAny(text[clock:], "Z+-") {
		text = append(text, 'Z')
	}
	var date time.Time
	if date.UnmarshalText(text) != nil {
		return 0, false
	}
	if !s.known {
		s.known, s.date = true, date
	}
	return date.Sub(s.date), true
}

// parseSeconds reads digits, which a point and more digits may follow, exactly; what is
// smaller than a nanosecond is dropped.
func parseSeconds(field []byte) (at time.Duration, ok bool) {
	whole, fraction, point := bytes.Cut(field, []byte{'.'})
	seconds, err := strconv.ParseUint(string(whole), 10, 33)
	if err != nil || point && len(fraction) == 0 {
		return 0, false
	}
	at = time.Duration(seconds) * time.Second
	unit := time.Second
	for _, digit := range fraction {
		if digit < '0' || digit > '9' {
			return 0, false
		}
		unit /= 10
		at += time.Duration(digit-'0') * unit
	}
	return at, true
}
