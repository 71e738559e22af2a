// Package lately remembers what a process has launched and ended of late at a cloud whose lists are
// behind.
package lately

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/serflow/serflow-go/providers"
)

// Lag is how far lists are trusted to be behind. Clouds give no figure: see
// https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html.
const Lag = 2 * time.Minute

// Memory is what this process has launched and ended of late, which lists may not show yet. It is
// not safe for concurrent use.
type Memory struct {
	launched map[string]providers.Instance
	at       map[string]time.Time // when, of those
	ended    map[string]time.Time // when, of those that are gone or going
}

// New is a memory of nothing.
func New() Memory {
	return Memory{launched: map[string]providers.Instance{}, at: map[string]time.Time{}, ended: map[string]time.Time{}}
}

// Begun remembers a VM that has been launched.
func (m Memory) Begun(now time.Time, vm providers.Instance) {
	m.forget(now)
	m.launched[vm.ID], m.at[vm.ID] = vm, now
}

// End remembers that a VM has ended, or is about to.
func (m Memory) End(now time.Time, id string) {
	m.forget(now)
	delete(m.launched, id)
	m.ended[id] = now
}

// Back remembers that a VM has not ended after all.
func (m Memory) Back(id string) { delete(m.ended, id) }

// Ended tells whether a VM has ended, or is about to.
func (m Memory) Ended(id string) bool {
	_, gone := m.ended[id]
	return gone
}

// Young tells whether the cloud may not know a VM yet that is there.
func (m Memory) Young(now time.Time, id string) bool {
	at, ok := m.at[id]
	_, there := m.launched[id]
	return ok && there && now.Sub(at) < Lag
}

func (m Memory) forget(now time.Time) {
	maps.DeleteFunc(m.at, func(id string, at time.Time) bool {
		if now.Sub(at) >= Lag {
			delete(m.launched, id)
		}
		return now.Sub(at) >= Lag
	})
	maps.DeleteFunc(m.ended, func(_ string, at time.Time) bool { return now.Sub(at) >= Lag })
}

// Correct is a list with what is missing from it and without what has ended, in the order of
// launches.
func (m Memory) Correct(now time.Time, list []providers.Instance, which func(providers.Instance) bool) []providers.Instance {
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
	list = slices.DeleteFunc(list, func(vm providers.Instance) bool { return m.Ended(vm.ID) })
	slices.SortFunc(list, func(a, b providers.Instance) int {
		return cmp.Or(a.Launched.Compare(b.Launched), cmp.Compare(a.ID, b.ID))
	})
	return list
}
