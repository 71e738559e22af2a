package simcli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Output is a file for what comes of a run, made before anything is simulated: a path that cannot
// be written is better known then. Its File is nil if there is none.
type Output struct {
	*os.File
	flag  string
	fresh bool // there was none before, and nothing has been written to it
}

// Create opens a file. One that exists keeps what it holds until there are figures to replace it.
func Create(flag, name string) (o *Output, err error) {
	o = &Output{flag: flag}
	if name == "" || name == "-" {
		return o, nil
	}
	_, missing := os.Stat(name)
	o.fresh = errors.Is(missing, fs.ErrNotExist)
	if o.File, err = os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o666); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrUsage, flag, err)
	}
	return o, nil
}

// Save writes the file anew, and closes it.
func (o *Output) Save(write func(io.Writer) error) error {
	if o.File == nil {
		return nil
	}
	o.fresh = false
	info, err := o.Stat()
	if err == nil && info.Mode().IsRegular() { // a pipe or a device has no length
		err = o.Truncate(0)
	}
	if err == nil {
		err = write(o.File)
	}
	if err := errors.Join(err, o.Close()); err != nil {
		return fmt.Errorf("%s: %w", o.flag, err)
	}
	return nil
}

// Abandon closes the file, and removes it if it would be left empty.
func (o *Output) Abandon() {
	if o.File == nil {
		return
	}
	o.Close()
	if o.fresh {
		os.Remove(o.Name())
	}
}
