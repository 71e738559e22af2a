package main

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
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

// log is where a pipeline tells what it plans and decides: a line each, above the progress.
func (p *progress) log() *slog.Logger {
	return slog.New(slog.NewTextHandler(writer{p}, &slog.HandlerOptions{ReplaceAttr: short}))
}

// short leaves out what every line would have in common.
func short(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey || a.Key == slog.LevelKey {
		return slog.Attr{}
	}
	return a
}

// writer writes log lines; those of the plan's explanation as they are meant to be read.
type writer struct{ *progress }

func (w writer) Write(line []byte) (int, error) {
	text := strings.NewReplacer(`\n`, "\n  ", `\"`, `"`).Replace(string(line))
	_, err := fmt.Fprintf(w.out, "%s%s", w.start, text)
	return len(line), err
}

// end clears the line.
func (p *progress) end() { fmt.Fprint(p.out, p.start) }
