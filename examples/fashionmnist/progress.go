package main

import (
	"fmt"
	"os"
	"time"
)

// progress tells how far a run is: on a terminal in one line that is written over,
// elsewhere a line every few seconds.
type progress struct {
	out   *os.File
	every time.Duration
	start string // of each message
	stop  string
	last  time.Time
}

func newProgress(out *os.File) *progress {
	if info, err := out.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		return &progress{out: out, every: 100 * time.Millisecond, start: "\r\x1b[K"}
	}
	return &progress{out: out, every: 5 * time.Second, stop: "\n"}
}

// begin returns the function that reports how many of the images are done.
func (p *progress) begin(what string, images int) func(done int) {
	begun := time.Now()
	if p.last.IsZero() {
		p.last = begun // the first image tells no rate
	}
	return func(done int) {
		now := time.Now()
		if now.Sub(p.last) < p.every {
			return
		}
		p.last = now
		rate := float64(done) / now.Sub(begun).Seconds()
		left := time.Duration(float64(images-done) / rate * float64(time.Second)).Round(time.Second)
		fmt.Fprintf(p.out, "%s%-26s %5d of %d  %6.0f images/s  %v left%s", p.start, what, done, images, rate, left, p.stop)
	}
}

// line shows what text says, if it is time for it.
func (p *progress) line(text func() string) {
	now := time.Now()
	if now.Sub(p.last) < p.every {
		return
	}
	p.last = now
	fmt.Fprintf(p.out, "%s%s%s", p.start, text(), p.stop)
}

// end clears the line.
func (p *progress) end() { fmt.Fprint(p.out, p.start) }
