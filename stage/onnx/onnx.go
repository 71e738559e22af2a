// Package onnx runs ONNX models as stages, on the CPU, with ONNX Runtime.
//
// One session serves all goroutines. A run is sequential inside unless
// [Threads] asks otherwise, so that the host decides how many cores are used
// by how many runs it starts.
//
// ONNX Runtime is a shared library, 1.24 or newer, loaded when the first stage
// is opened. It is taken from the [Library] option, else from the environment
// variable SERFLOW_ONNXRUNTIME, else from where the system or the script
// .ci/onnxruntime puts it. A process has one ONNX Runtime: if the host has
// initialised github.com/yalue/onnxruntime_go itself, that one is used and
// stays the host's to destroy, after the runners are closed.
package onnx

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"

	"github.com/serflow/serflow-go/stage"
)

// An Option changes how a model is run.
type Option func(*config)

type config struct {
	library string
	threads int
}

// Library names the ONNX Runtime library to load. Since a process has only
// one, opening a stage fails if this package has already loaded another; it
// has no effect if the host has initialised ONNX Runtime.
func Library(path string) Option { return func(c *config) { c.library = path } }

// Threads sets how many threads one run may use inside an operator; the
// default is 1. Values below 1 make Open fail.
func Threads(intraOp int) Option { return func(c *config) { c.threads = intraOp } }

// File is the model in the file at path. The file is read by Open and by
// Fingerprint, not before. Weights kept outside the file are found beside it,
// but are not part of the fingerprint.
func File(path string, opts ...Option) stage.Source {
	return &source{name: path, path: path, config: newConfig(opts)}
}

// Bytes is the model held in data, which must not change afterwards.
func Bytes(data []byte, opts ...Option) stage.Source {
	return &source{name: "model in memory", data: data, config: newConfig(opts)}
}

func newConfig(opts []Option) config {
	c := config{threads: 1}
	for _, o := range opts {
		if o != nil {
			o(&c)
		}
	}
	return c
}

type source struct {
	name   string // for messages
	path   string // empty when the model is in data
	data   []byte
	config config
}

// Open loads the model. It is safe for concurrent use; each call makes a
// session of its own. Loading cannot be interrupted once it has begun.
func (s *source) Open(ctx context.Context) (stage.Runner, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("onnx: open %s: %w", s.name, err)
	}
	if s.config.threads < 1 {
		return nil, fmt.Errorf("onnx: open %s: Threads(%d): at least 1 is needed", s.name, s.config.threads)
	}
	if s.path != "" {
		if _, err := os.Stat(s.path); err != nil {
			return nil, fmt.Errorf("onnx: open model: %w", err)
		}
	}
	if err := loadRuntime(s.config.library); err != nil {
		return nil, err
	}
	return open(s)
}

// Fingerprint is the sha256 of the model's bytes, in hexadecimal.
func (s *source) Fingerprint() (string, error) {
	h := sha256.New()
	if s.path == "" {
		h.Write(s.data)
		return hex.EncodeToString(h.Sum(nil)), nil
	}
	f, err := os.Open(s.path)
	if err != nil {
		return "", fmt.Errorf("onnx: fingerprint: %w", err)
	}
	defer f.Close()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("onnx: fingerprint: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
