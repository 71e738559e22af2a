package traffic

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// longest line of a trace, in bytes.
const longest = 64 << 10

// byteOrderMark begins a file that a spreadsheet has written as UTF-8.
const byteOrderMark = "\ufeff"

// lines reads a file line by line, gzipped or not.
type lines struct {
	file   io.Closer
	text   *bufio.Reader
	number int // of the line that was read last, counted from 1
}

func openLines(open func() (io.ReadCloser, error)) (*lines, error) {
	file, err := open()
	if err != nil {
		return nil, fmt.Errorf("traffic: opening a trace: %w", err)
	}
	text := bufio.NewReaderSize(file, longest)
	// A file too short to tell, or that cannot be read, is found out by the first line.
	if magic, _ := text.Peek(2); string(magic) == "\x1f\x8b" {
		unzipped, err := gzip.NewReader(text)
		if err != nil {
			file.Close()
			return nil, fmt.Errorf("%w: it begins like a gzip file: %w", ErrTrace, err)
		}
		text = bufio.NewReaderSize(unzipped, longest)
	}
	if mark, _ := text.Peek(len(byteOrderMark)); string(mark) == byteOrderMark {
		text.Discard(len(byteOrderMark))
	}
	return &lines{file: file, text: text}, nil
}

// next is the next line that is not blank, without its end and the space
// around it, valid until the next call.
func (l *lines) next() ([]byte, error) {
	for {
		line, err := l.text.ReadSlice('\n')
		l.number++
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			return nil, l.bad("it is longer than %d bytes: is this a trace?", longest)
		case err != nil && err != io.EOF:
			return nil, l.bad("reading it: %w", err)
		}
		if line = bytes.TrimSpace(line); len(line) > 0 || err != nil {
			if len(line) == 0 {
				return nil, io.EOF
			}
			return line, nil
		}
	}
}

// bad is an error about the last line.
func (l *lines) bad(format string, args ...any) error {
	return fmt.Errorf("%w: line %d: "+format, append([]any{ErrTrace, l.number}, args...)...)
}
