package accesslog

import (
	"bytes"
)

// finder finds the time of a line, in seconds since 1970.
type finder interface {
	format() Format
	find(line []byte) (at int64, found found)
}

// found is whether there is a time.
type found uint8

const (
	no      found = iota
	yes           //
	comment       // the line is no request, and need not have one
)

func known(at int64, ok bool) (int64, found) {
	if ok {
		return at, yes
	}
	return 0, no
}

// recognise tells by the first line what to look for in all; nil if it cannot.
func (l *Reader) recognise(line []byte) finder {
	if line[0] == '{' {
		if key := l.key(line); key != "" {
			return &object{key: []byte(key)}
		}
		return nil
	}
	if line[0] == '#' {
		return &extended{}
	}
	all := []finder{&common{}, &balancer{}, &column{}}
	if i := bytes.IndexByte(line, '\t'); i == len("2006-01-02") { // CloudFront's, without its head
		all = append(all, &extended{date: 0, time: 1, known: true})
	}
	for _, f := range all {
		if _, ok := f.find(line); ok == yes {
			return f
		}
	}
	// A header of columns; what follows it has to have times.
	if first := line[0] | 0x20; first >= 'a' && first <= 'z' || line[0] == '"' {
		return &column{header: true}
	}
	return nil
}

// common looks for [10/Oct/2000:13:55:36 -0700].
type common struct{ days }

func (*common) format() Format { return Common }

func (c *common) find(line []byte) (int64, found) {
	for rest := line; ; {
		i := bytes.IndexByte(rest, '[')
		if i < 0 {
			return 0, no
		}
		rest = rest[i+1:]
		if at, ok := c.clf(rest); ok {
			return at, yes
		}
	}
}

// balancer looks for a time of RFC 3339 in the first three columns: those of an ALB have one in the second, of
// an NLB in the third, of a Classic Load Balancer in the first.
type balancer struct{ days }

func (*balancer) format() Format { return ALB }

func (b *balancer) find(line []byte) (int64, found) {
	for range 3 {
		field, rest, more := bytes.Cut(line, []byte{' '})
		if len(field) >= len("2006-01-02T15:04:05") && field[10] == 'T' {
			if at, ok := b.rfc3339(field); ok && more {
				return at, yes
			}
		}
		line = rest
	}
	return 0, no
}

// extended has columns of which a line "#Fields:" gives the names, with tabs or spaces between them.
type extended struct {
	days
	date, time int
	known      bool // where they are
}

func (*extended) format() Format { return Extended }

func (e *extended) find(line []byte) (int64, found) {
	if line[0] == '#' {
		if names, ok := bytes.CutPrefix(line, []byte("#Fields:")); ok {
			e.fields(names)
		}
		return 0, comment
	}
	if !e.known {
		return 0, no
	}
	date, time := nth(line, e.date), nth(line, e.time)
	if len(date) != len("2006-01-02") || len(time) < len("15:04:05") {
		return 0, no
	}
	var text [32]byte
	return known(e.rfc3339(append(append(append(text[:0], date...), 'T'), time[:8]...)))
}

func (e *extended) fields(names []byte) {
	e.date, e.time = -1, -1
	for i, name := range bytes.Fields(names) {
		switch string(name) {
		case "date":
			e.date = i
		case "time":
			e.time = i
		}
	}
	e.known = e.date >= 0 && e.time >= 0
}

// nth is a column, from 0; none if there is no such.
func nth(line []byte, n int) []byte {
	for ; ; n-- {
		i := bytes.IndexAny(line, "\t ")
		if n == 0 {
			if i >= 0 {
				line = line[:i]
			}
			return line
		}
		if i < 0 {
			return nil
		}
		line = line[i+1:]
	}
}

// column has the time in the first column, which a comma, semicolon or tab ends.
type column struct {
	days
	header bool // the next line is one
}

func (*column) format() Format { return Timestamps }

func (c *column) find(line []byte) (int64, found) {
	if c.header {
		c.header = false
		return 0, comment
	}
	if i := bytes.IndexAny(line, ",;\t"); i >= 0 {
		line = line[:i]
	}
	return known(c.text(bytes.Trim(line, `" `)))
}
