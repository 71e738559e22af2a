// Package heap is a priority queue ordered by time: what is due first comes out
// first, and what is due at the same time comes out in the order it went in. It holds
// values without boxing them, which container/heap cannot, because every event of a
// simulated hour passes through one.
package heap

import (
	"math/bits"
	"time"
)

// Heap is a queue of values by due time. The zero value is empty and ready for use.
// It is not safe for concurrent use.
type Heap[V any] struct {
	items []item[V]
	next  uint64
}

type item[V any] struct {
	due   time.Duration
	order uint64
	value V
}

// before is 1 if a comes out before b, and else 0. It compares due and order as one number of 128
// bits, the sign turned over, and so without a jump: which of two comes first cannot be foreseen,
// and a processor that guesses wrong loses more time than the comparison takes.
func (a *item[V]) before(b *item[V]) int {
	_, less := bits.Sub64(a.order, b.order, 0)
	_, less = bits.Sub64(uint64(a.due)^1<<63, uint64(b.due)^1<<63, less)
	return int(less)
}

// degree is the number of children of a node: four lie on one or two cache lines,
// and halve the depth of a binary heap.
const degree = 4

// Len is the number of values.
func (h *Heap[V]) Len() int { return len(h.items) }

// Push adds a value that is due at a time. One that is due last costs one comparison.
func (h *Heap[V]) Push(due time.Duration, v V) {
	x := item[V]{due, h.next, v}
	h.next++
	h.items = append(h.items, x)
	i := len(h.items) - 1
	for i > 0 {
		parent := (i - 1) / degree
		if x.before(&h.items[parent]) == 0 {
			break
		}
		h.items[i] = h.items[parent]
		i = parent
	}
	h.items[i] = x
}

// Peek is the first value and when it is due; ok is false if there is none.
func (h *Heap[V]) Peek() (due time.Duration, v V, ok bool) {
	if len(h.items) == 0 {
		return 0, v, false
	}
	return h.items[0].due, h.items[0].value, true
}

// Pop removes the first value; ok is false if there is none.
func (h *Heap[V]) Pop() (due time.Duration, v V, ok bool) {
	if len(h.items) == 0 {
		return 0, v, false
	}
	first := h.items[0]
	last := len(h.items) - 1
	x := h.items[last]
	h.items[last] = item[V]{} // let go of what the value points to
	h.items = h.items[:last]
	if last > 0 {
		h.sink(x)
	}
	return first.due, first.value, true
}

// sink puts x into the tree whose root is free.
func (h *Heap[V]) sink(x item[V]) {
	i, n := 0, len(h.items)
	for {
		child := degree*i + 1
		if child >= n {
			break
		}
		least := child
		if child+degree <= n {
			least = h.first(h.first(child, child+1), h.first(child+2, child+3))
		} else {
			for c := child + 1; c < n; c++ {
				least = h.first(least, c)
			}
		}
		if h.items[least].before(&x) == 0 {
			break
		}
		h.items[i] = h.items[least]
		i = least
	}
	h.items[i] = x
}

// first is the one of two places whose item comes out first, found without a jump as well.
func (h *Heap[V]) first(a, b int) int { return a + (b-a)*h.items[b].before(&h.items[a]) }
