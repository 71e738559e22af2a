package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// output is a file for what comes of a run, made before anything is simulated: a path that cannot
// be written is better known then. Its File is nil if there is none.
type output struct {
	*os.File
	flag  string
	fresh bool // there was none before, and nothing has been written to it
}

// create opens a file. One that exists keeps what it holds until there are figures to replace it.
func create(flag, name string) (o *output, err error) {
	o = &output{flag: flag}
	if name == "" || name == "-" {
		return o, nil
	}
	_, missing := os.Stat(name)
	o.fresh = errors.Is(missing, fs.ErrNotExist)
	if o.File, err = os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o666); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", errUsage, flag, err)
	}
	return o, nil
}

func (o *output) save(write func(io.Writer) error) error {
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

// abandon closes the file, and removes it if it would be left empty.
func (o *output) abandon() {
	if o.File == nil {
		return
	}
	o.Close()
	if o.fresh {
		os.Remove(o.Name())
	}
}
