package traffic

import (
	"fmt"
	"io"
	"time"
)

// Format says what the lines of a trace are: comma-separated text, gzipped or not. A
// first line that begins with a letter is a header; blank lines are skipped, and so are
// a byte order mark of UTF-8 and the spaces and double quotes around a field.
type Format uint8

// The formats.
const (
	// Counts has "second,requests" on each line: two whole numbers, none of the
	// seconds left out, whatever the first is.
	Counts Format = iota
	// Timestamps has a line for each request, which begins with its time: seconds,
	// such as 12.75, or a date, such as 2023-11-16 18:15:46.68059 or
	// 2023-11-16T18:15:46Z, in UTC where no zone is given. Other columns are ignored.
	Timestamps
)

// Trace is recorded traffic, cut to the time between From and To. It is read anew, and
// never held in memory, each time that it is used.
//
// From and To are whole seconds since the first line. The zero To is the end of the
// trace: of the second that the last line falls in. Counts may not be cut beyond their
// end; timestamps do not tell when recording ended, so they may be, and are followed by silence.
type Trace struct {
	Open     func() (io.ReadCloser, error)
	Format   Format
	From, To time.Duration
}

func (t Trace) validate() error {
	switch {
	case t.Open == nil:
		return fmt.Errorf("%w: a trace without Open: give a function that opens its file", ErrSettings)
	case t.Format > Timestamps:
		return fmt.Errorf("%w: trace format %d: use Counts or Timestamps", ErrSettings, t.Format)
	case t.From < 0 || t.To < 0 || t.To != 0 && t.To <= t.From:
		return fmt.Errorf("%w: a trace cut from %v to %v: use 0 <= From < To, or 0 for the end", ErrSettings, t.From, t.To)
	case t.From%time.Second != 0 || t.To%time.Second != 0:
		return fmt.Errorf("%w: a trace cut from %v to %v: use whole seconds", ErrSettings, t.From, t.To)
	}
	return nil
}

// Summary is what there is in the cut of a trace.
type Summary struct {
	Requests int64
	Length   time.Duration // a number of whole seconds
}

// Rate is the mean rate. Load asked for in vCPUs of work is a rate of vCPUs / (mean CPU
// seconds a request).
func (s Summary) Rate() float64 { return float64(s.Requests) / s.Length.Seconds() }

// Measure reads the trace once. What it cannot read is an error that names the line and
// wraps ErrTrace; a cut that does not fit is one that wraps ErrSettings.
func (t Trace) Measure() (Summary, error) {
	rows, err := openRows(t)
	if err != nil {
		return Summary{}, err
	}
	var s Summary
	for {
		_, n, err := rows.next()
		if err == io.EOF {
			s.Length = rows.length()
			return s, nil
		}
		if err != nil {
			return Summary{}, err
		}
		s.Requests += int64(n)
	}
}
