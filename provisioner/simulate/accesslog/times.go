package accesslog

import (
	"bytes"
	"time"
)

// days remembers the date that was seen last: most lines have the same.
type days struct {
	date     [11]byte
	n        int
	midnight int64 // in UTC
}

// text is a time as it may be written: a number since 1970, of RFC 3339 or like it, or that of the common format.
func (d *days) text(b []byte) (at int64, ok bool) {
	if at, ok = epoch(b); ok {
		return at, true
	}
	if at, ok = d.rfc3339(b); ok {
		return at, true
	}
	return d.clf(bytes.TrimPrefix(b, []byte("[")))
}

// epoch is a number of seconds since 1970, of which a fraction may follow; so large ones are milliseconds, microseconds or nanoseconds.
func epoch(b []byte) (at int64, ok bool) {
	whole, fraction, point := bytes.Cut(b, []byte{'.'})
	if len(whole) == 0 || len(whole) > 19 || point && len(fraction) == 0 {
		return 0, false
	}
	if _, ok := digits(fraction); !ok {
		return 0, false
	}
	n, ok := digits(whole)
	if !ok || n < 0 { // 19 digits may be too many
		return 0, false
	}
	at = int64(n)
	for at >= 1e11 { // seconds until the year 5138
		at /= 1000
	}
	return at, true
}

// digits are a number of so many.
func digits(b []byte) (n int, ok bool) {
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, true
}

// clock is seconds since midnight, of 15:04:05.
func clock(b []byte) (at int64, ok bool) {
	if len(b) != 8 || b[2] != ':' || b[5] != ':' {
		return 0, false
	}
	h, ok1 := digits(b[:2])
	m, ok2 := digits(b[3:5])
	s, ok3 := digits(b[6:])
	return int64(h)*3600 + int64(m)*60 + int64(s), ok1 && ok2 && ok3 && h < 24 && m < 60 && s <= 60
}

// zone is seconds east of Greenwich, of Z, -0700 or -07:00; 0 of nothing.
func zone(b []byte) (east int64, ok bool) {
	switch {
	case len(b) == 0, len(b) == 1 && b[0]|0x20 == 'z', string(b) == " UTC":
		return 0, true
	case len(b) == 6 && b[3] == ':':
		b = append(append(make([]byte, 0, 5), b[:3]...), b[4:]...)
	case len(b) != 5:
		return 0, false
	}
	h, ok1 := digits(b[1:3])
	m, ok2 := digits(b[3:5])
	east = int64(h)*3600 + int64(m)*60
	if b[0] == '-' {
		east = -east
	}
	return east, ok1 && ok2 && h < 24 && m < 60 && (b[0] == '-' || b[0] == '+')
}

// day is midnight of a date, in UTC; read reads one that is not the last.
func (d *days) day(date []byte, read func([]byte) (time.Time, bool)) (int64, bool) {
	if d.n > 0 && string(date) == string(d.date[:d.n]) {
		return d.midnight, true
	}
	t, ok := read(date)
	if !ok {
		return 0, false
	}
	d.n = copy(d.date[:], date)
	d.midnight = t.Unix()
	return d.midnight, true
}

// clf is 10/Oct/2000:13:55:36 -0700 and whatever follows.
func (d *days) clf(b []byte) (at int64, ok bool) {
	const date, clocked, zoned = len("10/Oct/2000"), len("10/Oct/2000:13:55:36"), len("10/Oct/2000:13:55:36 -0700")
	if len(b) < clocked || b[2] != '/' || b[6] != '/' || b[date] != ':' {
		return 0, false
	}
	midnight, ok1 := d.day(b[:date], func(b []byte) (time.Time, bool) {
		t, err := time.Parse("02/Jan/2006", string(b))
		return t, err == nil
	})
	since, ok2 := clock(b[date+1 : clocked])
	var east int64
	if len(b) >= zoned && b[clocked] == ' ' {
		if east, ok = zone(b[clocked+1 : zoned]); !ok {
			return 0, false
		}
	}
	return midnight + since - east, ok1 && ok2
}

// rfc3339 is 2006-01-02T15:04:05, with or without a fraction and a zone; a space or, after a date with slashes as well, a T parts them.
func (d *days) rfc3339(b []byte) (at int64, ok bool) {
	const date, clocked = len("2006-01-02"), len("2006-01-02T15:04:05")
	if len(b) < clocked || b[4] != b[7] || b[4] != '-' && b[4] != '/' || b[date] != 'T' && b[date] != ' ' && b[date] != 't' {
		return 0, false
	}
	midnight, ok1 := d.day(b[:date], func(b []byte) (time.Time, bool) {
		t, err := time.Parse("2006-01-02", string(bytes.ReplaceAll(b, []byte{'/'}, []byte{'-'})))
		return t, err == nil
	})
	since, ok2 := clock(b[date+1 : clocked])
	rest := b[clocked:]
	if len(rest) > 1 && (rest[0] == '.' || rest[0] == ',') {
		n := 1
		for n < len(rest) && rest[n] >= '0' && rest[n] <= '9' {
			n++
		}
		rest = rest[n:]
	}
	east, ok3 := zone(rest)
	return midnight + since - east, ok1 && ok2 && ok3
}
