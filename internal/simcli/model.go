// Package simcli is what the programs that simulate have in common: models and prices by name or from files,
// progress, and files for what comes of a run.
package simcli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/provisioner/simulate/catalogue"
)

// ErrUsage marks arguments that cannot be.
var ErrUsage = errors.New("bad arguments (-help lists them)")

// Model is what is served, and what its offers cost.
type Model struct {
	Profile *profile.Document
	Prices  *catalogue.Sheet
	Pass    float64 // seconds of all stages, on the first offer that is priced
	Work    float64 // of a request, on average
}

// Read takes names of the catalogue before files of that name. Errors name the flags -profile and -prices.
func Read(model, prices string) (m Model, err error) {
	if m.Profile, err = catalogue.Profile(model); err != nil {
		m.Profile, err = file(model, err, func(f *os.File) (*profile.Document, error) { return profile.ReadDocument(f) })
	}
	if err != nil {
		return m, fmt.Errorf("-profile: %w", err)
	}
	if m.Prices, err = catalogue.Prices(prices); err != nil {
		m.Prices, err = file(prices, err, func(f *os.File) (*catalogue.Sheet, error) { return catalogue.ReadSheet(f) })
	}
	if err != nil {
		return m, fmt.Errorf("-prices: %w", err)
	}
	m.Pass, m.Work, err = m.Prices.Work(m.Profile)
	return m, err
}

// SLO is the one that is asked for, or five full passes.
func (m Model) SLO(asked time.Duration) time.Duration {
	if asked > 0 {
		return asked
	}
	return time.Duration(5 * m.Pass * float64(time.Second)).Round(time.Millisecond)
}

func file[T any](name string, otherwise error, read func(*os.File) (T, error)) (read1 T, err error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return read1, fmt.Errorf("%w: no such file, and %w", ErrUsage, otherwise)
	}
	if err != nil {
		return read1, fmt.Errorf("%w: %w", ErrUsage, err)
	}
	defer f.Close()
	return read(f)
}
