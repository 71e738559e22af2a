package profile

import (
	"encoding/json"
	"fmt"
	"io"
)

// file is a profile as JSON: {"model": "<fingerprint>", "offer": "<name>", "stages":
// [[{"rows": 1, "nanoseconds": [<sorted whole numbers>]}, ...], ...]}.
type file struct {
	Model  string    `json:"model"`
	Offer  string    `json:"offer"`
	Stages [][]Batch `json:"stages"`
}

// Read reads a profile that Write has written, to the end of r. It must be of the model
// with this fingerprint; an empty fingerprint takes any. The error wraps ErrProfile.
func Read(r io.Reader, model string) (*Profile, error) {
	raw, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("%w: it cannot be read: %w", ErrProfile, err)
	}
	var f file
	if err := json.Unmarshal(raw, &f); err != nil {
		return nil, fmt.Errorf("%w: %w: give the JSON that Write writes, with times in whole nanoseconds", ErrProfile, err)
	}
	if model != "" && f.Model != model {
		return nil, fmt.Errorf("%w: it was measured on model %q, and this is %q: measure this one", ErrProfile, f.Model, model)
	}
	return New(f.Model, f.Offer, f.Stages)
}

// Write writes the profile as JSON, for Read.
func (p *Profile) Write(w io.Writer) error {
	f := file{Model: p.model, Offer: p.offer, Stages: make([][]Batch, len(p.stages))}
	for s, sizes := range p.stages {
		for _, size := range sizes {
			f.Stages[s] = append(f.Stages[s], size.Batch)
		}
	}
	return json.NewEncoder(w).Encode(f)
}
