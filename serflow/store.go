package serflow

import (
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

// State has the pipeline keep what its Scale has learned, the plan and the scale: it saves them once
// a minute and when it is closed, and begins with them the next time. What is of another model, or
// cannot be read, is left alone and in the Log. Give each owner a store of its own.
func State(s Store) Option { return func(p *Pipeline) { p.rental.store = s } }

// savedState is what a store keeps, as JSON.
type savedState struct {
	Version     int              `json:"version"`
	Fingerprint string           `json:"fingerprint"` // of the model
	Saved       time.Time        `json:"saved"`
	Given       provisioner.Plan `json:"given"` // what the pipeline was opened with
	Plan        provisioner.Plan `json:"plan"`  // what has become of it
	Loop        json.RawMessage  `json:"loop,omitempty"`
}

const stateVersion = 1

// keepEvery is how often state is saved, and keepTime how long that may take.
const keepEvery, keepTime = time.Minute, 10 * time.Second

// load is what was saved of this model, and puts the plan that became of this one into its place.
// What cannot be used is in the log, and nothing is remembered then.
func (c *cloud) load(ctx context.Context) (state savedState) {
	c.given = *c.plan
	if c.store == nil || c.scaling == nil {
		return state
	}
	ctx, cancel := context.WithTimeout(ctx, keepTime)
	defer cancel()
	data, err := c.store.Load(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return state
	}
	if err == nil {
		state, err = c.read(data)
	}
	if err != nil {
		c.log.Warn("nothing is remembered of earlier runs", "store", storeName(c.store), "error", err)
		return savedState{}
	}
	if c.replanned && reflect.DeepEqual(state.Given, c.given) {
		c.plan = &state.Plan
	}
	return state
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
func (c *cloud) remember(s savedState) {
	if c.scaler == nil || len(s.Loop) == 0 {
		return
	}
	if err := c.scaler.loop.UnmarshalJSON(s.Loop); err != nil {
		c.log.Warn("nothing is remembered of earlier runs", "store", storeName(c.store), "error", err)
		return
	}
	c.log.Info("remembered", "saved", s.Saved)
}

// keep saves the state now and then, without holding the fleet's goroutine up.
func (f *fleet) keep() {
	if f.store == nil || f.saving || f.savedAt > 0 && f.now() < f.savedAt+keepEvery {
		return
	}
	data, err := f.state()
	if err != nil {
		f.note("save", err)
		return
	}
	f.saving, f.savedAt = true, f.now()
	f.work.Go(func() {
		f.save(f.ctx, data)
		f.tell(func() { f.saving = false })
	})
}

// state is what is to be saved. It is for the fleet's goroutine, or once that has ended.
func (c *cloud) state() ([]byte, error) {
	loop, err := c.scaler.loop.MarshalJSON()
	if err != nil {
		return nil, err
	}
	return json.MarshalIndent(savedState{Version: stateVersion, Fingerprint: c.fingerprint, Saved: time.Now().UTC(), Given: c.given, Plan: c.inForce(), Loop: loop}, "", "\t")
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
	if c.store == nil || c.scaler == nil || !c.scaler.decided() {
		return
	}
	if data, err := c.state(); err == nil {
		c.save(context.Background(), data)
	}
}
