package profile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
)

// ReadDocument reads a document to the end of r, and checks it. What Profile.Write has written, which
// has no version, becomes a document whose stages are called "stage 1" and so on. The error
// wraps ErrProfile, and is a *FieldError if it is of a field.
func ReadDocument(r io.Reader) (*Document, error) {
	raw, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("%w: it cannot be read: %w", ErrProfile, err)
	}
	var of struct {
		Version *int    `json:"version"`
		Offer   *string `json:"offer"`
	}
	if err := json.Unmarshal(raw, &of); err != nil {
		return nil, garbled(raw, err)
	}
	switch {
	case of.Version == nil && of.Offer != nil:
		return withoutVersion(raw)
	case of.Version == nil:
		return nil, &FieldError{Field: "version", Problem: "there is none", Remedy: fmt.Sprintf(`add "version": %d`, DocumentVersion)}
	}
	d := new(Document)
	if *of.Version == DocumentVersion { // of another one only that is known
		decoder := json.NewDecoder(bytes.NewReader(raw))
		decoder.DisallowUnknownFields()
		err = decoder.Decode(d)
	} else {
		d.Version = *of.Version
	}
	if err != nil {
		return nil, garbled(raw, err)
	}
	if err := d.Check(); err != nil {
		return nil, err
	}
	d.summarise(func(Samples) string { return "" })
	return d, nil
}

// garbled is the error of what is no document, with the line if that is known.
func garbled(raw []byte, err error) error {
	offset := int64(-1)
	if e := (*json.SyntaxError)(nil); errors.As(err, &e) {
		offset = e.Offset
	}
	if e := (*json.UnmarshalTypeError)(nil); errors.As(err, &e) {
		offset = e.Offset
	}
	where := ""
	if offset >= 0 {
		where = fmt.Sprintf("line %d: ", 1+bytes.Count(raw[:min(int(offset), len(raw))], []byte{'\n'}))
	}
	return fmt.Errorf(`%w: %s%w: give the JSON that Document.Write writes, with times such as "45ms"`, ErrProfile, where, err)
}

// withoutVersion reads what Profile.Write has written.
func withoutVersion(raw []byte) (*Document, error) {
	p, err := Read(bytes.NewReader(raw), "")
	if err != nil {
		return nil, err
	}
	d := &Document{Version: DocumentVersion, Fingerprint: p.model, Offers: map[string]*Offer{p.offer: {}}}
	for s, sizes := range p.stages {
		name := fmt.Sprintf("stage %d", s+1)
		d.Stages = append(d.Stages, name)
		t := StageTimes{Stage: name}
		for _, b := range sizes {
			t.Batches = append(t.Batches, BatchTimes{Rows: b.Rows, Samples: b.Samples})
		}
		d.Offers[p.offer].Times = append(d.Offers[p.offer].Times, t)
	}
	if err := d.Check(); err != nil {
		return nil, err
	}
	return d, nil
}

// Write writes the document as JSON, for ReadDocument and for people. It checks it first.
func (d *Document) Write(w io.Writer) error {
	if err := d.Check(); err != nil {
		return err
	}
	c := d.copied()
	c.summarise(Samples.summary)
	text, err := json.MarshalIndent(c, "", "\t")
	if err != nil {
		return err
	}
	_, err = w.Write(append(text, '\n'))
	return err
}

// summarise says of all samples what a reader wants to know.
func (d *Document) summarise(say func(Samples) string) {
	for _, o := range d.Offers {
		for _, t := range o.Times {
			for n := range t.Batches {
				if b := &t.Batches[n]; b.Samples == nil {
					b.Summary = ""
				} else {
					b.Summary = say(b.Samples)
				}
			}
		}
	}
}

// copied shares no batches with the document.
func (d *Document) copied() *Document {
	c := *d
	c.Offers = maps.Clone(d.Offers)
	for name, o := range c.Offers {
		offer := *o
		offer.Times = slices.Clone(o.Times)
		for i := range offer.Times {
			offer.Times[i].Batches = slices.Clone(offer.Times[i].Batches)
		}
		c.Offers[name] = &offer
	}
	return &c
}
