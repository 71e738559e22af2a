package accesslog

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"time"
)

// Reader counts the requests of one log or several, such as those that a server has put aside. The zero value is
// ready for use. It is not safe for concurrent use.
type Reader struct {
	// Key is the name under which JSON has the time, if it is not one of TimeKeys.
	Key string

	counts  seconds
	format  Format
	read    int64
	skipped int64
	bad     error
}

// Read counts a log. Name is for errors, which wrap ErrLog, name the line and say what to do, or are r's.
func (l *Reader) Read(name string, r io.Reader) error {
	lines, err := open(r)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrLog, name, err)
	}
	var f finder
	for number := 1; ; number++ {
		line, long, err := next(lines)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: %s, line %d: %w", ErrLog, name, number, err)
		}
		if len(line) == 0 {
			continue
		}
		if f == nil {
			if f = l.recognise(line); f == nil {
				return fmt.Errorf("%w: %s, line %d: no time is found in %.80q: give a log in the common or combined format, JSON, of an AWS load balancer or CloudFront, or text with a time first on each line",
					ErrLog, name, number, line)
			}
			if l.read == 0 {
				l.format = f.format()
			}
		}
		if err := l.take(f, line, long); err != nil {
			return fmt.Errorf("%w: %s, line %d: %w", ErrLog, name, number, err)
		}
	}
}

// take counts a line.
func (l *Reader) take(f finder, line []byte, long bool) error {
	at, found := f.find(line)
	if found == comment {
		return nil
	}
	l.read++
	if found == yes {
		return l.counts.add(at)
	}
	l.skipped++
	if l.bad == nil {
		l.bad = fmt.Errorf("no time of the %s format in %.80q", f.format(), line)
		if long {
			l.bad = fmt.Errorf("no time in the first %d bytes of a longer line", longestLine)
		}
	}
	if few := int64(1000); l.read >= few && float64(l.skipped) > mostSkipped*float64(l.read) {
		return l.tooMany()
	}
	return nil
}

func (l *Reader) tooMany() error {
	return fmt.Errorf("%d of %d lines have no time, the first such: %w: are there lines of another format? take them out", l.skipped, l.read, l.bad)
}

// Counts is what all logs say. The error wraps ErrLog if there is no request, or if more than one line in a hundred has no time.
func (l *Reader) Counts() (*Counts, error) {
	all := l.counts.counted()
	switch {
	case len(all) == 0:
		return nil, fmt.Errorf("%w: there is no request in it: is the file empty?", ErrLog)
	case float64(l.skipped) > mostSkipped*float64(l.read) && l.skipped > 1:
		return nil, fmt.Errorf("%w: %w", ErrLog, l.tooMany())
	}
	return &Counts{
		Format: l.format, First: time.Unix(l.counts.first, 0).UTC(), Seconds: all, Requests: l.read - l.skipped, Skipped: l.skipped, Bad: l.bad,
	}, nil
}

const (
	longestLine = 64 << 10 // bytes that are looked at: a time stands well before
	buffer      = 256 << 10
)

func open(r io.Reader) (*bufio.Reader, error) {
	text := bufio.NewReaderSize(r, buffer)
	// A file too short to tell, or that cannot be read, is found out by the first line.
	if magic, _ := text.Peek(2); string(magic) == "\x1f\x8b" {
		unzipped, err := gzip.NewReader(text)
		if err != nil {
			return nil, fmt.Errorf("it begins like a gzip file: %w", err)
		}
		text = bufio.NewReaderSize(unzipped, buffer)
	}
	if mark, _ := text.Peek(3); string(mark) == "\ufeff" {
		_, _ = text.Discard(3)
	}
	return text, nil
}

// next is the next line without the space around it, or the beginning of one that is too long, valid until the next call.
func next(text *bufio.Reader) (line []byte, long bool, err error) {
	line, err = text.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		line, long = bytes.Clone(line[:longestLine]), true
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = text.ReadSlice('\n')
		}
	}
	if err == io.EOF && len(line) > 0 {
		err = nil
	}
	return bytes.TrimSpace(line), long, err
}
