package serflow

import (
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/serflow/serflow-go/stage"
)

// trouble is what goes wrong at providers, for the errors of those who wait. It is safe for
// concurrent use.
type trouble struct {
	mu    sync.Mutex
	now   map[string]error      // by what was being done, until that goes well again
	never map[stage.Range]error // why a VM group can never serve
}

// blame remembers how something has gone; nil that it has gone well.
func (t *trouble) blame(doing string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.now == nil {
		t.now = map[string]error{}
	}
	if t.now[doing] = err; err == nil {
		delete(t.now, doing)
	}
}

// last is what goes wrong now; nil if nothing does.
func (t *trouble) last() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all error
	for _, doing := range slices.Sorted(maps.Keys(t.now)) {
		if all == nil {
			all = t.now[doing]
		} else {
			all = because(all, t.now[doing])
		}
	}
	return all
}

// condemn remembers that a group can never serve.
func (t *trouble) condemn(stages stage.Range, why error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.never == nil {
		t.never = map[stage.Range]error{}
	}
	t.never[stages] = why
}

// hopeless says why a stage will never be served by a VM; nil if it may be.
func (t *trouble) hopeless(s int) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	var errs []error
	for stages, why := range t.never {
		if stages.Has(s) {
			errs = append(errs, why)
		}
	}
	return errors.Join(errs...)
}
