package serflow

import (
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"slices"
)

// keptNowhere are the providers whose VMs are of this machine and end with the program: they send no bill
// that is to be remembered, and leave no fleet to go on with.
var keptNowhere = []string{"local", "mock"}

// keepByDefault has state kept in a file of the user's, if it can be.
func (c *cloud) keepByDefault() {
	file, err := defaultFile(c.owner, c.model.Name)
	if err == nil {
		err = file.prepare()
	}
	if err != nil {
		c.log.Warn("nothing is kept: a restart would forget the scale and what VMs have cost today", "file", string(file), "error", err, "remedy", "add serflow.State")
		return
	}
	c.store = file
	c.log.Info("the scale and what VMs have cost are kept", "file", string(file))
}

// keepsByDefault tells whether state is kept though no State was given.
func (r *rental) keepsByDefault() bool {
	return !r.stated && r.measuring == 0 && r.vms != nil && !slices.Contains(keptNowhere, r.vms.Name())
}

// defaultFile is where the state of an owner and a model is kept. No name leads out of the folder, and no two
// to one file: all that is special is escaped, such as an @.
func defaultFile(owner, model string) (File, error) {
	dir, err := os.UserConfigDir() // a cache may be emptied by anybody, and the limit of the day with it
	if err != nil {
		return "", err
	}
	return File(filepath.Join(dir, "serflow", url.QueryEscape(owner)+"@"+url.QueryEscape(model)+".json")), nil
}

// prepare makes the file's folder, and reports if the file could not be written there.
func (f File) prepare() error {
	dir := filepath.Dir(string(f))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	trial, err := os.CreateTemp(dir, filepath.Base(string(f))+".*")
	if err != nil {
		return err
	}
	return errors.Join(trial.Close(), os.Remove(trial.Name()))
}
