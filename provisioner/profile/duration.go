package profile

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Duration is a time.Duration that is text as a person writes it: "45ms", "1m30s".
type Duration time.Duration

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	t, err := parse(string(text))
	*d = Duration(t)
	return err
}

func parse(text string) (time.Duration, error) {
	t, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf(`%.40q is no time: write a number and its unit, as in "45ms"`, text)
	}
	return t, nil
}

// Samples are times that were measured, in any order. As text they have spaces between them.
type Samples []time.Duration

// MarshalText implements encoding.TextMarshaler.
func (s Samples) MarshalText() ([]byte, error) {
	var b strings.Builder
	for i, t := range s {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(t.String())
	}
	return []byte(b.String()), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Samples) UnmarshalText(text []byte) error {
	*s = nil
	for field := range strings.FieldsSeq(string(text)) {
		t, err := parse(field)
		if err != nil {
			return err
		}
		*s = append(*s, t)
	}
	return nil
}

// Mean is the mean; 0 of none.
func (s Samples) Mean() time.Duration {
	if len(s) == 0 {
		return 0
	}
	return duration(Batch{Samples: s}.average())
}

func (s Samples) sorted() Samples { return slices.Sorted(slices.Values(s)) }

// summary is what a reader wants to know of samples.
func (s Samples) summary() string {
	sorted := size{Batch: Batch{Samples: s.sorted()}}
	at := func(q float64) time.Duration { return readable(duration(sorted.quantile(q))) }
	return fmt.Sprintf("%d samples: mean %v, p50 %v, p99 %v, longest %v", len(s), readable(s.Mean()), at(0.5), at(0.99), at(1))
}

// readable rounds to three digits or so.
func readable(d time.Duration) time.Duration {
	unit := time.Duration(1)
	for d/unit >= 1000 {
		unit *= 10
	}
	return d.Round(unit)
}
