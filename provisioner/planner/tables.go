package planner

import (
	"cmp"
	"encoding/binary"
	"hash"
	"hash/fnv"
	"math"

	"github.com/serflow/serflow-go/provisioner/profile"
)

// Planner plans, and keeps the tables that it has made, so that the next plan for the
// same model is quick. The zero value is ready for use; it is not safe for concurrent use.
type Planner struct {
	Seed   uint64
	rows   int // tried for each entry of a table; 0 means rowsTried
	tables map[uint64]*table
	made   int // entries of tables
}

// mostTables are some 10 MiB. With more, all are forgotten and made anew as they are needed.
const mostTables = 1000

// lookUp is the table of a fleet, if it is known.
func (t *Planner) lookUp(f *fleet) *table {
	if len(t.tables) == 0 {
		return nil
	}
	return t.tables[f.newTrial().key]
}

// table is the table of a fleet; a new one is still empty.
func (t *Planner) table(f *fleet) *table {
	n := f.newTrial()
	if t.tables == nil || len(t.tables) >= mostTables { // reach has drifted far from the oldest
		t.tables = map[uint64]*table{}
	}
	if t.tables[n.key] == nil {
		t.tables[n.key] = &table{trial: n, seed: t.Seed, rows: cmp.Or(t.rows, rowsTried), made: &t.made}
	}
	return t.tables[n.key]
}

// longestWait is, in units of work, how long a row waits at most: whoever has more patience than
// that is carried alike, and it takes long to fill a queue.
const longestWait = 32

// newTrial is what a fleet is tried with. Shares that go on are rounded to a fortieth, times to
// a twentieth, so that a little change of reach finds the table that there is.
func (f *fleet) newTrial() *trial {
	v, h := f.p.VMs[f.vm], digest{fnv.New64a()}
	t := &trial{times: v.Times, stages: f.in, slots: f.slots, batch: f.batch, must: f.must, travel: 2 * f.p.Network.VM.Latency}
	h.add(int64(f.slots), int64(f.batch), int64(t.travel))
	if f.must {
		h.add(-1)
	}
	reached, work, single := 1.0, 0.0, 0.0
	for s := f.in.First; s <= f.in.Last; s++ {
		h.add(f.p.vms[f.vm].digest[s])
		t.rest = append(t.rest, profile.Longest(v.Times, s, f.in.Last))
		work += reached * f.perRow(s, f.batch)
		single += reached * f.perRow(s, 1)
		on := 0.0
		if s < f.in.Last {
			on = min(h.round(f.p.goOn(s, s+1), 1e-4, 1.0/40), 1)
		}
		t.goOn = append(t.goOn, on)
		reached *= on
	}
	patience := toDuration(work * h.round(min((f.deadline-f.need[0])/work, longestWait), 1.0/20, 1.0/20))
	for i, need := range f.need {
		t.need = append(t.need, toDuration(work*h.round(need/work, 1.0/20, 1.0/20)))
		t.least = append(t.least, toDuration(work*h.round(f.least[i]/work, 1.0/20, 1.0/20)))
	}
	t.deadline = max(t.need[0]+patience, 1)
	t.service, t.saturated, t.key = toDuration(single), float64(f.slots)/work, h.Sum64()
	return t
}

// digest tells tables apart.
type digest struct{ hash.Hash64 }

func (h digest) add(numbers ...int64) {
	for _, x := range numbers {
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], uint64(x))
		h.Write(b[:])
	}
}

// round is the power of a step's e-fold that is closest to a number; less than the least is 0.
func (h digest) round(x, least, step float64) float64 {
	if !(x > least) {
		h.add(math.MinInt64)
		return 0
	}
	k := math.Round(math.Log(x) / step)
	h.add(int64(k))
	return math.Exp(k * step)
}
