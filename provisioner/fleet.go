// Package provisioner decides how much to rent. It is plain state: events and the time
// go in, actions come out; it starts no goroutine, reads no clock and does no I/O.
//
// Times are durations since an origin of the driver's choice, and never go back.
package provisioner

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/serflow/serflow-go/stage"
)

// Never is the time of what does not happen.
const Never = time.Duration(math.MaxInt64)

// Limits are hard: a fleet launches nothing that would exceed one. The zero value
// allows nothing.
type Limits struct {
	VMs     int     // that exist or have been asked for, whatever they are doing
	PerHour float64 // dollars, of all these together
	PerDay  float64 // dollars spent in the last 24 hours, by this run and those of which Remember tells; at the limit every VM is drained
}

// Key says what a VM is for: the stages it serves, and the offer it is.
type Key struct {
	Stages stage.Range
	Offer  string
}

// Want is how many VMs there should be of one kind.
type Want struct {
	Stages stage.Range
	Offer  VMOffer
	VMs    int
	// Linger has VMs that are too many stay until so long before the end of what they are billed
	// at least, which is paid anyway. 0 is not at all.
	Linger time.Duration
	// Leaving says that requests are moving away from these VMs, to others that are wanted: they may be
	// those others as well. See VM.Next.
	Leaving bool
}

// Key is the kind of VM that is wanted.
func (w Want) Key() Key { return Key{w.Stages, w.Offer.Name} }

// State is what a VM is doing.
type State uint8

// The states of a VM, in the order in which it goes through them.
const (
	Booting  State = iota // launched, and not ready yet
	Ready                 // serving
	Draining              // finishing what it has, and then to be ended
	Ending                // told to end, and not known to have ended
)

// String is the state's name.
func (s State) String() string {
	return [...]string{"booting", "ready", "draining", "ending"}[s]
}

// VM is one virtual machine of a fleet.
type VM struct {
	ID       string // the provider's
	Token    string // of the launch that brought it
	Key      Key
	Next     Key // what it serves as well while requests move there, and then alone; zero for nothing
	State    State
	Launched time.Duration // when it was first asked for, or else first seen; billed from then on
	offer    VMOffer
	known    time.Duration // since when
	since    time.Duration // when it came into its state; when it was last told to end
	told     bool          // to drain, or to end
	doomed   bool          // it is to end
	unfit    bool          // to be moved
	billed   float64       // dollars, so far
}

// ActionKind is what a driver is to do.
type ActionKind uint8

// The actions.
const (
	Launch ActionKind = iota // VMs of Key, under Token: the same token must not launch twice
	Drain                    // send ID nothing more
	Resume                   // ID serves on after all
	Move                     // ID serves what VM now says of it: Key, or Next as well. Key is the one that is new, unless it is for one less
	End                      // ID
	List                     // all VMs under our owner tag, for Found
)

// Action is something the driver is to do. What comes of it is told by an event; a
// driver that cannot tell says nothing, and is asked again later.
type Action struct {
	Kind  ActionKind
	ID    string // of Drain, Resume, Move and End
	Token string // of Launch
	Key   Key    // of Launch and Move
	VMs   int    // of Launch
}

// Patience is how long a fleet waits for others. The zero value of a field, or a negative
// one, is its default; more than a year is a year.
type Patience struct {
	Launch time.Duration // for the answer to a launch before it is asked again with the same token; default 1 min
	Asks   int           // how often it is asked before only a list can tell what came of it; default 5
	Boot   time.Duration // for a launched VM to become ready; default 10 min
	Drain  time.Duration // for a draining VM to be idle; default 5 min
	End    time.Duration // for an ending VM to have ended before it is told again; default 30 s
	Retry  time.Duration // after a launch that failed, or a second one that died while it booted, doubled each time up to 64 times; default 5 s
	List   time.Duration // between lists of all VMs; default 5 min
}

func (p Patience) withDefaults() Patience {
	const year = 365 * 24 * time.Hour // that much later is still a time
	or := func(d, byDefault time.Duration) time.Duration {
		if d <= 0 {
			return byDefault
		}
		return min(d, year)
	}
	return Patience{
		Launch: or(p.Launch, time.Minute), Asks: int(or(time.Duration(p.Asks), 5)), Boot: or(p.Boot, 10*time.Minute),
		Drain: or(p.Drain, 5*time.Minute), End: or(p.End, 30*time.Second), Retry: or(p.Retry, 5*time.Second),
		List: or(p.List, 5*time.Minute),
	}
}

// Fleet follows what is wanted with the VMs that there are. Events may come late, twice
// and out of order. It launches nothing before a list of all VMs under the owner tag has
// come, so that a program that starts again adopts what the one before it has left. It
// is not safe for concurrent use.
type Fleet struct {
	name     string
	limits   Limits
	patience Patience
	wants    []Want
	vms      map[string]*VM
	launches map[string]*launch // by token
	backoff  map[Key]*backoff   // of launches that have failed
	deaths   map[Key]*backoff   // of VMs that have ended while they booted
	gone     map[string]ghost   // VMs that have ended not long ago
	warned   map[string]bool    // VMs that are not known yet and have had a notice
	next     int                // number of the next token
	spent    spending

	lingers time.Duration // when the next VM is to be drained that is too many
	rivals  map[string]bool
	heirs   map[string]bool // tokens of launches of earlier programs whose VMs were adopted
	began   time.Duration   // when the first list came
	settled bool            // a list has come that names all that was launched before that

	found   bool          // a list has come
	listed  time.Duration // when the last one came
	asked   bool          // for a list
	askedAt time.Duration
}

// launch is one that has been asked for and not answered.
type launch struct {
	token string
	key   Key
	offer VMOffer
	vms   int // not known of yet
	asked int
	asks  int
	first time.Duration // the first ask
	begun time.Duration // the last ask

	refused bool    // one ask of several
	counted float64 // dollars of its VM that earlier runs have counted
}

// doubtful is a launch that has been asked for often enough. VMs may have come of it,
// so it counts as before until a list tells.
func (l *launch) doubtful(p Patience) bool { return l.refused || l.asks >= p.Asks }

// NewFleet returns an empty fleet. Name begins each launch token, and must differ
// between fleets and between runs of a program, so that no token is ever used again.
func NewFleet(name string, l Limits, p Patience) *Fleet {
	return &Fleet{
		name: name, limits: l, patience: p.withDefaults(),
		vms: map[string]*VM{}, launches: map[string]*launch{}, backoff: map[Key]*backoff{}, deaths: map[Key]*backoff{}, gone: map[string]ghost{}, warned: map[string]bool{}, rivals: map[string]bool{}, heirs: map[string]bool{}, lingers: Never,
	}
}

// Want replaces what there should be. VMs of kinds that are not in it take the place, at the next Tick, of those
// of their offer that are missing, or are drained. Its error wraps ErrOffer, and then nothing changes.
func (f *Fleet) Want(wants ...Want) error {
	seen := map[Key]bool{}
	for _, w := range wants {
		if err := w.Offer.Validate(); err != nil {
			return err
		}
		if w.VMs < 0 || seen[w.Key()] {
			return fmt.Errorf("%w: %d VMs of %q for %v: name each kind once, with 0 or more", ErrOffer, w.VMs, w.Offer.Name, w.Stages)
		}
		seen[w.Key()] = true
	}
	f.wants = slices.Clone(wants)
	return nil
}

// VMs lists the fleet, in the order of IDs.
func (f *Fleet) VMs() []VM {
	list := make([]VM, 0, len(f.vms))
	for _, vm := range f.vms {
		list = append(list, *vm)
	}
	slices.SortFunc(list, func(a, b VM) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

// VM is the one of an ID; ok is false if the fleet does not know it.
func (f *Fleet) VM(id string) (vm VM, ok bool) {
	if v, ok := f.vms[id]; ok {
		return *v, true
	}
	return VM{}, false
}

// Spent is the dollars of the last 24 hours, and those of all time, as of the last Tick. A VM
// counts, from when it was asked for, once its launch has been answered or it is listed; one
// that has ended before anything told what it was never does. What earlier runs spent counts in the
// 24 hours, if the fleet was told by Remember.
func (f *Fleet) Spent() (day, total float64) { return f.spent.day(), f.spent.total }
