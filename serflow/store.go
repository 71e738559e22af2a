package serflow

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"time"

	"github.com/serflow/serflow-go/provisioner"
)

// Store keeps what a pipeline has learned, so that a restart does not forget it. It is called by
// one goroutine at a time.
type Store interface {
	// Load is what was saved last. If there is nothing its error wraps fs.ErrNotExist.
	Load(ctx context.Context) ([]byte, error)
	// Save replaces what there is, all of it or nothing.
	Save(ctx context.Context, data []byte) error
}

// File is a Store in a file. It is written beside the file and then renamed, so that a program that is
// killed leaves the old one or the new one.
type File string

// Load reads the file.
func (f File) Load(context.Context) ([]byte, error) { return os.ReadFile(string(f)) }

// Save writes the file, for its owner's eyes only.
func (f File) Save(_ context.Context, data []byte) (err error) {
	temporary, err := os.CreateTemp(filepath.Dir(string(f)), filepath.Base(string(f))+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(temporary.Name()))
		}
	}()
	_, err = temporary.Write(data)
	if err = errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), string(f))
}

// storeName is what a store is called in messages.
func storeName(s Store) string {
	if f, ok := s.(File); ok {
		return strconv.Quote(string(f))
	}
	return fmt.Sprintf("%T", s)
}

// State has the pipeline keep what its VMs have cost in the last 24 hours, for Limits.PerDay, and what its
// Scale has learned, the plan and the scale: it saves them about once a minute and when it is closed, and
// begins with them the next time. What cannot be read is in the Log, and so is what is of another
// model, of which only the money counts. Give each owner a store of its own; State(nil) keeps nothing.
//
// Default: the file serflow/OWNER@MODEL.json in os.UserConfigDir, of names as in a URL, or nothing if that cannot be
// written; the Log says which. With the VMs of packages local and mock, which end with the program, with functions
// alone, with Recommend and in Profile nothing is kept by default.
func State(s Store) Option {
	return func(p *Pipeline) {
		if p.rental.store, p.rental.stated = nil, true; !isNil(s) {
			p.rental.store = s
		}
	}
}

// savedState is what a store keeps, as JSON.
type savedState struct {
	Version     int              `json:"version"`
	Fingerprint string           `json:"fingerprint"` // of the model
	Saved       time.Time        `json:"saved"`
	Given       provisioner.Plan `json:"given"` // what the pipeline was opened with
	Plan        provisioner.Plan `json:"plan"`  // what has become of it
	Loop        json.RawMessage  `json:"loop,omitempty"`

	Spent provisioner.Spending `json:"spent"`
	Warm  int                  `json:"warm,omitempty"` // instances that a function was kept with
}

const stateVersion = 1

// keepEvery is how often state is saved, and keepTime how long that may take.
const keepEvery, keepTime = time.Minute, 10 * time.Second

// load takes up what was saved of this model.
// What cannot be used is in the log, and only what was spent and how many instances functions were kept with is remembered then.
func (c *cloud) load(ctx context.Context) {
	c.given = *c.plan
	if c.store == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, keepTime)
	defer cancel()
	data, err := c.store.Load(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil {
		c.past, err = c.read(data)
	}
	if err != nil {
		c.log.Warn("nothing is remembered of earlier runs", "store", storeName(c.store), "error", err)
		c.past = savedState{Spent: c.past.Spent, Saved: c.past.Saved, Warm: c.past.Warm}
		return
	}
}

// goOn begins with the plan that became of this one, if there is one that still can be: prices, limits, pins and
// what may be rented are those of today.
func (c *cloud) goOn() (err error) {
	if c.replanned && reflect.DeepEqual(c.past.Given, c.given) {
		c.plan = &c.past.Plan
		if err = cmp.Or(c.provided(), c.enough(c.model)); err == nil {
			c.scaler, err = c.newScaler()
		}
		if err == nil {
			return nil
		}
		c.log.Warn("the plan of the earlier run is left for the one of now", "store", storeName(c.store), "error", err)
		c.plan = &c.given
	}
	c.scaler, err = c.newScaler()
	return err
}

func (c *cloud) read(data []byte) (s savedState, err error) {
	if err := json.Unmarshal(data, &s); err != nil {
		return s, err
	}
	switch {
	case s.Version != stateVersion:
		return s, fmt.Errorf("the state is of version %d, and this program reads %d", s.Version, stateVersion)
	case s.Fingerprint != c.fingerprint:
		return s, fmt.Errorf("the state is of model %.12s, not %.12s", s.Fingerprint, c.fingerprint)
	}
	return s, s.Plan.Validate(len(c.model.Stages))
}

// remember has the loop go on from what was saved.
func (c *cloud) remember() {
	if c.scaler == nil || len(c.past.Loop) == 0 {
		return
	}
	if err := c.scaler.loop.UnmarshalJSON(c.past.Loop); err != nil {
		c.log.Warn("nothing is remembered of earlier runs", "store", storeName(c.store), "error", err)
		return
	}
	c.log.Info("remembered", "saved", c.past.Saved)
}

// keep saves the state now and then, without holding the fleet's goroutine up.
func (f *fleet) keep() {
	if f.store == nil || f.saving || !f.scaler.decided() || !f.machine.Listed() || f.savedAt > 0 && f.now() < f.savedAt+keepEvery {
		return
	}
	data, err := f.state()
	if err != nil {
		f.note("save", err)
		return
	}
	f.saving, f.savedAt = true, max(f.now(), 1) // 0 is never
	f.work.Go(func() {
		f.save(f.ctx, data)
		f.tell(func() { f.saving = false })
	})
}

// state is what is to be saved. It is for the fleet's goroutine, or once that has ended.
func (c *cloud) state() ([]byte, error) {
	s := savedState{
		Version: stateVersion, Fingerprint: c.fingerprint, Saved: time.Now().UTC(), Given: c.given, Plan: c.inForce(),
		Loop: c.past.Loop, Spent: c.fleet.machine.Spending(c.now()), Warm: c.balancer.Warmth(),
	}
	if c.scaler != nil && c.scaler.decided() {
		loop, err := c.scaler.loop.MarshalJSON()
		if err != nil {
			return nil, err
		}
		s.Loop = loop
	}
	return json.MarshalIndent(s, "", "\t")
}

func (c *cloud) save(ctx context.Context, data []byte) {
	ctx, cancel := context.WithTimeout(ctx, keepTime)
	defer cancel()
	err := c.store.Save(ctx, data)
	if c.blame("save", err); err != nil {
		c.log.Warn("the state is not saved, and would be forgotten by a restart", "store", storeName(c.store), "error", err)
	}
}

// keepLast saves the state when all goroutines have ended.
func (c *cloud) keepLast() {
	if c.store == nil || c.fleet == nil || !c.scaler.decided() && c.fleet.total() == 0 {
		return
	}
	if data, err := c.state(); err == nil {
		c.save(context.Background(), data)
	}
}
