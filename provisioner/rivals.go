package provisioner

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Rivals are the VMs under our owner tag, as of the last list, that another program has launched
// since this one began: it is alive, and they are its own. They are left alone, or two programs
// with one owner name would end each other's VMs for ever. What an earlier program had launched
// is adopted, or ended, as it is ours now.
func (f *Fleet) Rivals() []string { return slices.Sorted(maps.Keys(f.rivals)) }

// without notes a list, and takes the VMs of rivals out. A launch of an earlier program may
// have been under way when this one began: it has Patience.Launch to be listed.
func (f *Fleet) without(now time.Duration, all []Found) []Found {
	if !f.found {
		f.began = now
	}
	f.found, f.listed, f.asked = true, now, false
	ours := all
	if f.settled {
		clear(f.rivals)
		ours = slices.DeleteFunc(slices.Clone(all), f.rival)
	}
	f.settled = f.settled || now >= f.began+f.patience.Launch
	return ours
}

// rival tells whether a VM that is listed is another program's, and notes it.
func (f *Fleet) rival(x Found) bool {
	_, known := f.vms[x.ID]
	_, gone := f.gone[x.ID]
	if known || gone || f.launches[x.Token] != nil || f.ours(x.Token) || f.heirs[x.Token] {
		return false
	}
	f.rivals[x.ID] = true
	return true
}

// ours tells whether a launch is of this run.
func (f *Fleet) ours(token string) bool { return strings.HasPrefix(token, f.name+"-") }
