package planner

import (
	"cmp"
	"encoding/binary"
	"hash"
	"hash/fnv"
	"math"
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
	return t.tables[f.key()]
}

// table is the table of a fleet; a new one is still empty.
func (t *Planner) table(f *fleet) *table {
	key := f.key()
	if t.tables == nil || len(t.tables) >= mostTables { // reach has drifted far from the oldest
		t.tables = map[uint64]*table{}
	}
	if t.tables[key] == nil {
		t.tables[key] = &table{trial: f.newTrial(), seed: t.Seed, rows: cmp.Or(t.rows, rowsTried), made: &t.made}
	}
	return t.tables[key]
}

// longestQueue is how many requests wait for a VM at most where there is as much work as it can do:
// with more, which take long to come, it carries the same to a hundredth.
const longestQueue = 64

// key tells a fleet's table from others. Shares that go on are rounded to a fortieth, times to
// a twentieth, so that a little change of reach finds the table that there is.
func (f *fleet) key() uint64 {
	h := digest{fnv.New64a()}
	h.add(int64(f.slots), int64(f.batch), int64(f.in.Len()), int64(f.p.Network.VM.Latency))
	if f.must {
		h.add(-1)
	}
	for s := f.in.First; s <= f.in.Last; s++ {
		h.add(f.p.vms[f.vm].digest[s])
		h.round(f.p.goOn(s, s+1), 1e-4, 1.0/40)
		h.round(f.need[s-f.in.First]/f.work, 1.0/20, 1.0/20)
		h.round(f.least[s-f.in.First]/f.work, 1.0/20, 1.0/20)
	}
	h.round(f.deadline/f.work, 1.0/20, 1.0/20)
	h.round((f.deadline-f.travel-f.need[0])/f.work, 1.0/20, 1.0/20)
	return h.Sum64()
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

// round adds which power of a step's e-fold is closest to a number; less than the least is none.
func (h digest) round(x, least, step float64) {
	if !(x > least) {
		h.add(math.MinInt64)
		return
	}
	h.add(int64(math.Round(math.Log(x) / step)))
}
