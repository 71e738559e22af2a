package aws

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/serflow/serflow-go/providers"
)

// lag is how far lists of EC2 are trusted to be behind. AWS gives no figure: see
// https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html.
const lag = 2 * time.Minute

// memory is what this process has launched and ended of late, which lists may not show yet.
type memory struct {
	launched map[string]providers.Instance
	at       map[string]time.Time // when, of those
	ended    map[string]time.Time // when, of those that are gone or going
}

func newMemory() memory {
	return memory{launched: map[string]providers.Instance{}, at: map[string]time.Time{}, ended: map[string]time.Time{}}
}

func (m memory) begun(now time.Time, vm providers.Instance) {
	m.forget(now)
	m.launched[vm.ID], m.at[vm.ID] = vm, now
}

func (m memory) end(now time.Time, id string) {
	m.forget(now)
	delete(m.launched, id)
	m.ended[id] = now
}

// young tells whether EC2 may not know a VM yet that is there.
func (m memory) young(now time.Time, id string) bool {
	at, ok := m.at[id]
	_, there := m.launched[id]
	return ok && there && now.Sub(at) < lag
}

func (m memory) forget(now time.Time) {
	maps.DeleteFunc(m.at, func(id string, at time.Time) bool {
		if now.Sub(at) >= lag {
			delete(m.launched, id)
		}
		return now.Sub(at) >= lag
	})
	maps.DeleteFunc(m.ended, func(_ string, at time.Time) bool { return now.Sub(at) >= lag })
}

// correct is a list with what is missing from it and without what has ended, in the order of
// launches.
func (m memory) correct(now time.Time, list []providers.Instance, which func(providers.Instance) bool) []providers.Instance {
	m.forget(now)
	listed := map[string]bool{}
	for _, vm := range list {
		listed[vm.ID] = true
	}
	for id, vm := range m.launched {
		if !listed[id] && which(vm) {
			list = append(list, vm)
		}
	}
	list = slices.DeleteFunc(list, func(vm providers.Instance) bool {
		_, gone := m.ended[vm.ID]
		return gone
	})
	slices.SortFunc(list, func(a, b providers.Instance) int {
		return cmp.Or(a.Launched.Compare(b.Launched), cmp.Compare(a.ID, b.ID))
	})
	return list
}
