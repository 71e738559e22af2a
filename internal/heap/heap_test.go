package heap

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever is pushed and popped, a sorted list would give the same.
func TestLikeASortedList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type entry struct {
			due time.Duration
			id  int
		}
		var h Heap[int]
		var list []entry
		for id := range rapid.IntRange(0, 200).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "push") {
				due := time.Duration(rapid.IntRange(0, 20).Draw(t, "due"))
				h.Push(due, id)
				at := slices.IndexFunc(list, func(e entry) bool { return e.due > due })
				if at < 0 {
					at = len(list)
				}
				list = slices.Insert(list, at, entry{due, id})
				continue
			}
			peekDue, peek, _ := h.Peek()
			due, v, ok := h.Pop()
			if ok != (len(list) > 0) {
				t.Fatalf("ok %v with %d values", ok, len(list))
			}
			if !ok {
				continue
			}
			if due != list[0].due || v != list[0].id || peekDue != due || peek != v {
				t.Fatalf("popped %d due %v, peeked %d due %v, want %+v", v, due, peek, peekDue, list[0])
			}
			list = list[1:]
		}
		if h.Len() != len(list) {
			t.Fatalf("%d values, want %d", h.Len(), len(list))
		}
	})
}

// BenchmarkPushPop keeps a thousand values, as a simulation of a fleet does.
func BenchmarkPushPop(b *testing.B) {
	var h Heap[int32]
	r := rand.New(rand.NewPCG(1, 1))
	for i := range int32(1000) {
		h.Push(time.Duration(r.Int64N(1000)), i)
	}
	b.ReportAllocs()
	for b.Loop() {
		due, v, _ := h.Pop()
		h.Push(due+time.Duration(r.Int64N(1000)), v)
	}
}
