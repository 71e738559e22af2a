package profile

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// FieldError says what of a Document cannot be, where it is, and what to do. It wraps ErrProfile.
type FieldError struct {
	Offer, Stage string // that it is about; "" if it is about none
	Rows         int    // of the batches that it is about; 0 if it is about none
	Field        string // as the file has it
	Problem      string
	Remedy       string
}

func (e *FieldError) Error() string {
	var where []string
	if e.Offer != "" {
		where = append(where, fmt.Sprintf("offer %q", e.Offer))
	}
	if e.Stage != "" {
		where = append(where, fmt.Sprintf("stage %q", e.Stage))
	}
	if e.Rows != 0 {
		where = append(where, fmt.Sprintf("batches of %d rows", e.Rows))
	}
	where = append(where, e.Field)
	return fmt.Sprintf("%v: %s: %s: %s", ErrProfile, strings.Join(where, ", "), e.Problem, e.Remedy)
}

func (e *FieldError) Unwrap() error { return ErrProfile }

// Check finds what cannot be. Its error is a *FieldError.
func (d *Document) Check() error {
	switch {
	case d.Version != DocumentVersion:
		return &FieldError{Field: "version", Problem: fmt.Sprint(d.Version), Remedy: fmt.Sprintf("this program reads %d: write that if it is meant, or take the program that has written the file", DocumentVersion)}
	case len(d.Stages) == 0:
		return &FieldError{Field: "stages", Problem: "there are none", Remedy: "name them, in order"}
	}
	for i, name := range d.Stages {
		if name == "" || slices.Contains(d.Stages[:i], name) {
			return &FieldError{Field: "stages", Problem: fmt.Sprintf("stage %d is called %q", i+1, name), Remedy: "give each its own name"}
		}
	}
	if e := d.checkReach(); e != nil {
		return e
	}
	if e := d.checkBytes(); e != nil {
		return e
	}
	for _, name := range slices.Sorted(maps.Keys(d.Offers)) {
		if e := d.checkOffer(name, d.Offers[name]); e != nil {
			e.Offer = name
			return e
		}
	}
	return nil
}

func (d *Document) checkReach() *FieldError {
	if d.Reach == nil {
		return nil
	}
	shares := d.Reach.Shares
	bad := len(shares) != len(d.Stages) || shares[0] != 1
	for i := 1; i < len(shares); i++ {
		bad = bad || !(shares[i] >= 0 && shares[i] <= shares[i-1])
	}
	if bad {
		return &FieldError{Field: "reach", Problem: fmt.Sprint(shares), Remedy: fmt.Sprintf("give a share for each of the %d stages, the first 1, none above the one before", len(d.Stages))}
	}
	return nil
}

func (d *Document) checkBytes() *FieldError {
	if b := d.Bytes; b != nil && (len(b.Into) != len(d.Stages) || slices.Min(b.Into) < 0 || b.Answer < 0) {
		return &FieldError{Field: "bytes", Problem: fmt.Sprintf("%v and %d", b.Into, b.Answer), Remedy: fmt.Sprintf("give a number for each of the %d stages and one for the answer, none negative", len(d.Stages))}
	}
	return nil
}

func (d *Document) checkOffer(name string, o *Offer) *FieldError {
	switch {
	case name == "":
		return &FieldError{Field: "offers", Problem: "one has no name", Remedy: "name it as its provider does"}
	case o == nil:
		return &FieldError{Field: "offers", Problem: "nothing is known of it", Remedy: "give its times, or leave it out"}
	case o.Slots < 0:
		return &FieldError{Field: "slots", Problem: fmt.Sprint(o.Slots), Remedy: "give how many batches a VM serves at once, or leave it out"}
	case !(o.MemoryMB >= 0) || math.IsInf(o.MemoryMB, 0):
		return &FieldError{Field: "memoryMB", Problem: fmt.Sprint(o.MemoryMB), Remedy: "give 0 or more"}
	}
	for field, t := range map[string]Duration{"overhead": o.Overhead, "way": o.Way} {
		if t < 0 || t > Duration(longest) {
			return &FieldError{Field: field, Problem: time.Duration(t).String(), Remedy: fmt.Sprintf("give 0 or more, and at most %v", longest)}
		}
	}
	for field, times := range map[string]Samples{"boot": o.Boot, "coldStart": o.Cold} {
		if e := times.check(field); e != nil {
			return e
		}
	}
	for i := range o.Times {
		t := &o.Times[i]
		if e := d.checkTimes(o.Times[:i], t); e != nil {
			e.Stage = t.Stage
			return e
		}
	}
	return nil
}

func (d *Document) checkTimes(before []StageTimes, t *StageTimes) *FieldError {
	switch {
	case t.Stage != "" && !slices.Contains(d.Stages, t.Stage):
		return &FieldError{Field: "stage", Problem: "the model has none of this name", Remedy: fmt.Sprintf("its stages are %q", d.Stages)}
	case slices.ContainsFunc(before, func(b StageTimes) bool { return b.Stage == t.Stage }):
		return &FieldError{Field: "times", Problem: "there are two entries of it", Remedy: "leave one out"}
	}
	_, e := t.sizes()
	return e
}
