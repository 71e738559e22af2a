package simcli

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/serflow/serflow-go/provisioner/simulate"
)

// Progress tells how far the runs are: on a terminal in one line that is written over,
// elsewhere in a line every few seconds.
type Progress struct {
	out         io.Writer
	every       time.Duration
	start, stop string // of each message
	last        time.Duration
}

// NewProgress tells it to out.
func NewProgress(out io.Writer) *Progress {
	if file, ok := out.(*os.File); ok {
		if info, err := file.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			return &Progress{out: out, every: 100 * time.Millisecond, start: "\r\x1b[K"}
		}
	}
	return &Progress{out: out, every: 5 * time.Second, stop: "\n"}
}

// Tell is for compare.Ask's Progress.
func (p *Progress) Tell(now simulate.Progress) {
	if now.Elapsed-p.last < p.every {
		return
	}
	p.last = now.Elapsed
	fmt.Fprintf(p.out, "%s%d of %d runs, %.0f %%, about %v left%s", p.start, now.Done, now.Runs, 100*now.Part, now.Left.Round(time.Second), p.stop)
}

// End clears the line.
func (p *Progress) End() { fmt.Fprint(p.out, p.start) }
