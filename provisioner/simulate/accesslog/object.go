package accesslog

import (
	"bytes"
	"slices"
)

// object is a line of JSON, of which a member at the top is the time. It is not checked otherwise: what is read is a log
// that a program has written.
type object struct {
	days
	key []byte
}

func (*object) format() Format { return JSON }

func (o *object) find(line []byte) (at int64, found found) {
	each(line, func(key, value []byte) bool {
		if bytes.Equal(key, o.key) {
			at, found = known(o.text(value))
			return false
		}
		return true
	})
	return at, found
}

// key is the name under which an object has a time; none if it has none.
func (l *Reader) key(line []byte) string {
	wanted := timeKeys
	if l.Key != "" {
		wanted = []string{l.Key}
	}
	best, have := len(wanted), ""
	var d days
	each(line, func(key, value []byte) bool {
		if i := slices.Index(wanted, string(key)); i >= 0 && i < best {
			if _, ok := d.text(value); ok {
				best, have = i, wanted[i]
			}
		}
		return true
	})
	return have
}

// each calls f with the members of an object, strings without their quotes, until f is false or the line ends.
func each(line []byte, f func(key, value []byte) bool) {
	rest := bytes.TrimSpace(line)
	if len(rest) == 0 || rest[0] != '{' {
		return
	}
	for rest = rest[1:]; ; {
		key, after, ok := value(rest)
		if !ok {
			return
		}
		after = bytes.TrimLeft(after, " \t")
		if len(after) == 0 || after[0] != ':' {
			return
		}
		v, after, ok := value(after[1:])
		if !ok || !f(key, v) {
			return
		}
		after = bytes.TrimLeft(after, " \t")
		if len(after) == 0 || after[0] != ',' {
			return
		}
		rest = after[1:]
	}
}

// value is the value that a text begins with, and what follows it.
func value(text []byte) (v, rest []byte, ok bool) {
	text = bytes.TrimLeft(text, " \t")
	if len(text) == 0 {
		return nil, nil, false
	}
	switch text[0] {
	case '"':
		end := quoted(text)
		if end < 0 {
			return nil, nil, false
		}
		return text[1 : end-1], text[end:], true
	case '{', '[':
		end := nested(text)
		if end < 0 {
			return nil, nil, false
		}
		return text[:end], text[end:], true
	}
	end := bytes.IndexAny(text, ",}] \t")
	if end <= 0 {
		return nil, nil, false
	}
	return text[:end], text[end:], true
}

// quoted is where a string ends that a text begins with; -1 if it does not.
func quoted(text []byte) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

// nested is where an object or a list ends that a text begins with; -1 if it does not.
func nested(text []byte) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			end := quoted(text[i:])
			if end < 0 {
				return -1
			}
			i += end - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}
