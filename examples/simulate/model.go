package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/provisioner/simulate/catalogue"
)

// model is what is served, and what its offers cost.
type model struct {
	profile *profile.Document
	prices  *catalogue.Sheet
	pass    float64 // seconds of all stages, on the first offer that is priced
	work    float64 // of a request, on average
}

// read takes names of the catalogue before files of that name.
func (s settings) read() (m model, err error) {
	if m.profile, err = catalogue.Profile(s.profile); err != nil {
		m.profile, err = file(s.profile, err, func(f *os.File) (*profile.Document, error) { return profile.ReadDocument(f) })
	}
	if err != nil {
		return m, fmt.Errorf("-profile: %w", err)
	}
	if m.prices, err = catalogue.Prices(s.prices); err != nil {
		m.prices, err = file(s.prices, err, func(f *os.File) (*catalogue.Sheet, error) { return catalogue.ReadSheet(f) })
	}
	if err != nil {
		return m, fmt.Errorf("-prices: %w", err)
	}
	return m, m.measure()
}

func file[T any](name string, otherwise error, read func(*os.File) (T, error)) (read1 T, err error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return read1, fmt.Errorf("%w: no such file, and %w", errUsage, otherwise)
	}
	if err != nil {
		return read1, fmt.Errorf("%w: %w", errUsage, err)
	}
	defer f.Close()
	return read(f)
}

// measure sums up what a request takes.
func (m *model) measure() error {
	known, vms, functions, err := m.prices.Offers(m.profile)
	if err != nil {
		return err
	}
	var name string
	if len(vms) > 0 {
		name = vms[0].Name
	} else {
		name = functions[0].Name
	}
	times, err := known.Profile(name)
	if err != nil {
		return err
	}
	for k := range m.profile.Stages {
		reach := 1.0
		if m.profile.Reach != nil {
			reach = m.profile.Reach.Shares[k]
		}
		m.pass += times.Mean(k, 1).Seconds()
		m.work += reach * times.Mean(k, 1).Seconds()
	}
	return nil
}
