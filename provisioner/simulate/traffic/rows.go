package traffic

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"time"
)

// rows reads a trace row by row, within its cut.
type rows struct {
	trace   Trace
	lines   *lines
	columns int           // of each line; 0 before the first
	stamps  stamps        // of Timestamps
	first   int           // second of the first row of Counts
	seen    int           // rows, of the whole trace
	last    time.Duration // of the last row, since the first
	err     error
}

func openRows(t Trace) (*rows, error) {
	if err := t.validate(); err != nil {
		return nil, err
	}
	lines, err := openLines(t.Open)
	if err != nil {
		return nil, err
	}
	return &rows{trace: t, lines: lines}, nil
}

// next is the next row: when it is, since the beginning of the cut, and how many
// requests it stands for. After the last, and after an error, the file is closed.
func (r *rows) next() (at time.Duration, n int, err error) {
	for r.err == nil {
		at, n, err := r.read()
		switch {
		case err != nil:
			r.stop(err)
		case r.trace.To > 0 && at >= r.trace.To:
			r.stop(io.EOF)
		case at >= r.trace.From:
			return at - r.trace.From, n, nil
		}
	}
	return 0, 0, r.err
}

func (r *rows) stop(why error) error {
	if r.err != nil {
		return nil
	}
	r.err = why
	return r.lines.file.Close()
}

var errClosed = fmt.Errorf("traffic: reading a trace: %w", fs.ErrClosed)

// Close closes the file, if there is more to read.
func (r *rows) Close() error {
	return r.stop(errClosed)
}

// length is that of the cut; it is known at io.EOF.
func (r *rows) length() time.Duration {
	if r.trace.To > 0 {
		return r.trace.To - r.trace.From
	}
	return r.end() - r.trace.From
}

// end is that of the second of the last row.
func (r *rows) end() time.Duration { return r.last.Truncate(time.Second) + time.Second }

// read is the next row of the whole trace.
func (r *rows) read() (at time.Duration, n int, err error) {
	line, err := r.line()
	if err == io.EOF {
		return 0, 0, r.checkEnd()
	}
	if err != nil {
		return 0, 0, err
	}
	field, rest, _ := bytes.Cut(line, []byte{','})
	if r.trace.Format == Counts {
		at, n, err = r.count(bare(field), bare(rest))
	} else {
		at, n, err = r.request(bare(field))
	}
	if err != nil {
		return 0, 0, err
	}
	r.seen++
	r.last = at
	return at, n, nil
}

// line is the next line with the right number of columns that is no header.
func (r *rows) line() ([]byte, error) {
	line, err := r.lines.next()
	if err != nil {
		return nil, err
	}
	columns := columnsOf(line)
	first := bytes.TrimPrefix(line, []byte{'"'})
	header := r.columns == 0 && len(first) > 0 && (first[0]|0x20 >= 'a' && first[0]|0x20 <= 'z')
	if r.columns == 0 {
		r.columns = columns
		if r.trace.Format == Counts {
			r.columns = 2
		}
	}
	if columns != r.columns {
		return nil, r.lines.bad("%d columns, want %d", columns, r.columns)
	}
	if header {
		return r.line()
	}
	return line, nil
}

// columnsOf counts the fields of a line. A comma between quotes is part of a field.
func columnsOf(line []byte) int {
	n := 1
	for quoted := false; ; quoted = !quoted {
		text, rest, more := bytes.Cut(line, []byte{'"'})
		if !quoted {
			n += bytes.Count(text, []byte{','})
		}
		if !more {
			return n
		}
		line = rest
	}
}

// bare is a field without the space and the quotes around it.
func bare(field []byte) []byte {
	field = bytes.TrimSpace(field)
	if n := len(field); n > 1 && field[0] == '"' && field[n-1] == '"' {
		return field[1 : n-1]
	}
	return field
}

// checkEnd is io.EOF if the trace may end here.
func (r *rows) checkEnd() error {
	switch {
	case r.seen == 0:
		return fmt.Errorf("%w: no rows: is the file empty?", ErrTrace)
	case r.trace.Format == Counts && r.trace.To > r.end() || r.trace.To == 0 && r.trace.From >= r.end():
		return fmt.Errorf("%w: a trace of %v cut from %v to %v: keep From and To within it", ErrSettings, r.end(), r.trace.From, r.trace.To)
	}
	return io.EOF
}

// count is a row of Counts.
func (r *rows) count(field, requests []byte) (at time.Duration, n int, err error) {
	second, err := strconv.ParseUint(string(field), 10, 62)
	if err != nil {
		return 0, 0, r.lines.bad("second %.40q: use a whole number from 0", field)
	}
	if r.seen == 0 {
		r.first = int(second)
	}
	if want := r.first + r.seen; int(second) != want {
		return 0, 0, r.lines.bad("second %d, want %d: give each second a line, in order, if it has no requests too", second, want)
	}
	requested, err := strconv.ParseUint(string(requests), 10, 62)
	if err != nil || requested > maxRate {
		return 0, 0, r.lines.bad("requests %.40q: use a whole number from 0 to %.0f", requests, maxRate)
	}
	return time.Duration(r.seen) * time.Second, int(requested), nil
}

// request is a row of Timestamps.
func (r *rows) request(field []byte) (at time.Duration, n int, err error) {
	at, ok := r.stamps.parse(field)
	switch {
	case !ok:
		return 0, 0, r.lines.bad("time %.40q: use seconds, such as 12.75, or a date, such as 2023-11-16 18:15:46.68 or "+
			"2023-11-16T18:15:46Z, the same on each line", field)
	case at < r.last:
		return 0, 0, r.lines.bad("time %s is before that of the line above: sort the trace", field)
	case at > farthest:
		return 0, 0, r.lines.bad("time %s is %v after the first: is its unit the second?", field, at)
	}
	return at, 1, nil
}
