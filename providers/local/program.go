package local

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"unicode/utf8"

	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/providers"
)

// runnable is the program of a launch or function, by its artifact, or says why it and
// its setup cannot be run.
func (p *Provider) runnable(artifact, setup string) (program string, err error) {
	switch {
	case !utf8.ValidString(setup): // it travels in JSON, which would change it
		return "", fmt.Errorf("%w: the setup is no UTF-8 text", providers.ErrInvalid)
	case artifact != "":
		return find(artifact)
	case p.options.Program == "":
		return "", fmt.Errorf("%w: nothing to run: give Options.Program, such as local.Self, or an Artifact", providers.ErrInvalid)
	}
	return p.options.Program, nil
}

// find is the path of a program that may be started. Its error wraps
// providers.ErrInvalid.
func find(program string) (path string, err error) {
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("%w: the path of this program is not known: %w", providers.ErrInvalid, err)
	}
	path = self
	if program != Self {
		if path, err = exec.LookPath(program); err == nil {
			path, err = filepath.Abs(path)
		}
	}
	switch {
	case err != nil:
		return "", fmt.Errorf("%w: program %q cannot be run: %w", providers.ErrInvalid, program, err)
	case same(path, self) && !launch.Armed():
		return "", fmt.Errorf("%w: this program would start itself for ever: call worker.Main first", providers.ErrInvalid)
	}
	return path, nil
}

// same tells whether two paths lead to one file.
func same(a, b string) bool {
	if a == b {
		return true
	}
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}
