package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/serflow/serflow-go/provisioner/simulate"
)

// progress tells how far the runs are: on a terminal in one line that is written over,
// elsewhere in a line every few seconds.
type progress struct {
	out         io.Writer
	every       time.Duration
	start, stop string // of each message
	last        time.Duration
}

func newProgress(out io.Writer) *progress {
	if file, ok := out.(*os.File); ok {
		if info, err := file.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			return &progress{out: out, every: 100 * time.Millisecond, start: "\r\x1b[K"}
		}
	}
	return &progress{out: out, every: 5 * time.Second, stop: "\n"}
}

func (p *progress) tell(now simulate.Progress) {
	if now.Elapsed-p.last < p.every {
		return
	}
	p.last = now.Elapsed
	fmt.Fprintf(p.out, "%s%d of %d runs, %.0f %%, about %v left%s", p.start, now.Done, now.Runs, 100*now.Part, now.Left.Round(time.Second), p.stop)
}

// end clears the line.
func (p *progress) end() { fmt.Fprint(p.out, p.start) }
