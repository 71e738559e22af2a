// Package heap is a priority queue ordered by time: what is due first comes out
// first, and what is due at the same time comes out in the order it went in. It holds
// values without boxing them, which container/heap cannot, because every event of a
// simulated hour passes through one.
package heap

import "time"

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

func (a *item[V]) before(b *item[V]) bool {
	return a.due < b.due || a.due == b.due && a.order < b.order
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
		if !x.before(&h.items[parent]) {
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
		for c := child + 1; c < min(child+degree, n); c++ {
			if h.items[c].before(&h.items[least]) {
				least = c
			}
		}
		if !h.items[least].before(&x) {
			break
		}
		h.items[i] = h.items[least]
		i = least
	}
	h.items[i] = x
}
