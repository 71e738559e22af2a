package local

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"sync"
	"unicode"
)

// log writes lines of many children, one at a time.
type log struct {
	mu sync.Mutex
	to io.Writer
}

func (l *log) line(id, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	io.WriteString(l.to, id+": "+text+"\n")
}

// How much output is kept for errors, and in one line.
const (
	keptOutput = 2 << 10
	longLine   = 16 << 10 // longer ones are split
)

// output is what a child has said. It is safe for concurrent use.
type output struct {
	id  string // of the VM or function
	log *log

	mu   sync.Mutex
	last []byte // at most keptOutput of it
}

// line takes a line to the log, and keeps it for errors.
func (o *output) line(text string) {
	o.mu.Lock()
	o.last = append(append(o.last, text...), '\n')
	if extra := len(o.last) - keptOutput; extra > 0 {
		o.last = append(o.last[:0], o.last[extra:]...)
	}
	o.mu.Unlock()
	o.log.line(o.id, text)
}

// tail is the last that was said, to be shown in an error.
func (o *output) tail() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return printable(string(o.last), keptOutput)
}

// lines calls each with every line of r, without its end. Long lines come in parts, of
// which only the first begins a line.
func lines(r io.Reader, each func(text string, begins bool)) {
	buffered := bufio.NewReaderSize(r, longLine)
	begins := true
	for {
		line, err := buffered.ReadSlice('\n')
		if len(line) > 0 {
			each(strings.TrimRight(string(line), "\r\n"), begins)
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
		begins = err == nil
	}
}

// printable is the first n characters of a text that can be shown: what cannot be is a
// space, and spaces in a row are one.
func printable(text string, n int) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) && r != unicode.ReplacementChar {
			return r
		}
		return ' '
	}, text)
	runes := []rune(strings.Join(strings.Fields(text), " "))
	return string(runes[:min(n, len(runes))])
}
