package local

import (
	"fmt"
	"slices"

	"github.com/serflow/serflow-go/providers"
)

// manyGraves is how many VMs it is remembered of why they are gone.
const manyGraves = 100

// grave is a VM that ended by itself.
type grave struct {
	id  string
	why error
}

// remember keeps why a VM is gone. The provider is locked.
func (p *Provider) remember(id string, why error) {
	if len(p.gone) == manyGraves {
		p.gone = slices.Delete(p.gone, 0, 1)
	}
	p.gone = append(p.gone, grave{id, why})
}

// Gone says why a VM is gone that ended by itself: how its process ended, and what it
// said last. It is nil for all others, and for those that were gone long ago.
func (p *Provider) Gone(id string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.gone, func(g grave) bool { return g.id == id })
	if i < 0 {
		return nil
	}
	return failed("run VM", "see Options.Log for all that it said", fmt.Errorf("%w: %s: %w", providers.ErrUnavailable, id, p.gone[i].why))
}

// Gone is Provider.Gone.
func (v *VMs) Gone(id string) error { return v.p.Gone(id) }
