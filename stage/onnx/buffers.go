package onnx

import (
	"sync"
	"unsafe"
)

// buffers are outputs' memory that has been handed back, a pool for each size that
// runs have asked for; what is not used again goes to the garbage collector. The
// zero value is empty and ready for use, by many goroutines.
type buffers struct{ pools sync.Map } // of int (bytes) to *sync.Pool of *byte

// take returns memory of the given size whose content is anything.
func (b *buffers) take(size int) []byte {
	pool, ok := b.pools.Load(size)
	if !ok {
		pool, _ = b.pools.LoadOrStore(size, new(sync.Pool))
	}
	if first, ok := pool.(*sync.Pool).Get().(*byte); ok {
		return unsafe.Slice(first, size)
	}
	return make([]byte, size)
}

// give keeps memory of a size that take has been asked for.
func (b *buffers) give(data []byte) {
	if pool, ok := b.pools.Load(cap(data)); ok && cap(data) > 0 {
		pool.(*sync.Pool).Put(unsafe.SliceData(data[:cap(data)]))
	}
}
