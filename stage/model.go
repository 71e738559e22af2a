package stage

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/serflow/serflow-go/exit"
)

// WireVersion is part of every model's fingerprint: peers that would exchange
// tensors in different forms never take each other for equals.
const WireVersion = 1

// Stage is a block of a model that ends in an exit.
type Stage struct {
	Name   string
	Source Source
	Exit   exit.Policy
}

// New names a stage. Whether it fits its model is checked by Model.Validate.
func New(name string, source Source, policy exit.Policy) Stage {
	return Stage{Name: name, Source: source, Exit: policy}
}

// Model is an ordered list of stages. It describes only: nothing is opened, so it
// can be a package-level variable, shared by a service and its workers.
type Model struct {
	Name   string
	Stages []Stage
}

// NewModel lists the stages from the first to the deepest.
func NewModel(name string, stages ...Stage) Model { return Model{Name: name, Stages: stages} }

// ErrModel marks a model that cannot be served as it is described.
var ErrModel = errors.New("bad model")

// Validate checks names, exits and order: the last exit, and only it, is final.
// Its error wraps ErrModel and says what to change.
func (m Model) Validate() error {
	if m.Name == "" {
		return fmt.Errorf("%w: it has no name", ErrModel)
	}
	if len(m.Stages) == 0 {
		return fmt.Errorf("%w: %q has no stages: give stage.NewModel at least one", ErrModel, m.Name)
	}
	seen := map[string]bool{}
	for i, s := range m.Stages {
		if err := m.validateStage(i, s, seen); err != nil {
			return err
		}
		seen[s.Name] = true
	}
	return nil
}

func (m Model) validateStage(i int, s Stage, seen map[string]bool) error {
	last := i == len(m.Stages)-1
	switch {
	case s.Name == "":
		return fmt.Errorf("%w: stage %d of %q has no name", ErrModel, i+1, m.Name)
	case seen[s.Name]:
		return fmt.Errorf("%w: two stages of %q are named %q", ErrModel, m.Name, s.Name)
	case s.Source == nil:
		return fmt.Errorf("%w: stage %q has no source: give it a model file or stage.Func", ErrModel, s.Name)
	case last && s.Exit.Kind != exit.Final().Kind:
		return fmt.Errorf("%w: the last stage %q must end in exit.Final(), so that every request is answered", ErrModel, s.Name)
	case !last && s.Exit.Kind == exit.Final().Kind:
		return fmt.Errorf("%w: stage %q ends in exit.Final(), so the stages after it would never run", ErrModel, s.Name)
	}
	if err := s.Exit.Validate(); err != nil {
		return fmt.Errorf("%w: exit of stage %q: %w", ErrModel, s.Name, err)
	}
	return nil
}

// Fingerprint is a digest of what a peer must share to serve the same model: wire
// version, the stages' names, sources and order. Exits are not in it: they travel with
// each request, so that they can be changed, and switched off, without a new worker.
func (m Model) Fingerprint() (string, error) {
	if err := m.Validate(); err != nil {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintf(h, "serflow wire %d\nmodel %q\n", WireVersion, m.Name)
	for _, s := range m.Stages {
		source, err := s.Source.Fingerprint()
		if err != nil {
			return "", fmt.Errorf("fingerprint of stage %q: %w", s.Name, err)
		}
		fmt.Fprintf(h, "stage %q source %q\n", s.Name, source)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
