package serflow

import (
	"unsafe"

	"github.com/serflow/serflow-go/stage"
)

// recycle hands a batch that has been used back to the runner that made it, if that
// runner wants it and the tensors to keep do not lie in it.
func (f *flight) recycle(batch, keep []stage.Tensor) {
	if f.lender < 0 {
		return
	}
	if !shareMemory(batch, keep) {
		f.stages.Recycle(f.lender, batch)
	}
}

// shareMemory tells whether some tensor of a overlaps one of b: a stage may return
// its input, or a part of it.
func shareMemory(a, b []stage.Tensor) bool {
	for _, x := range a {
		for _, y := range b {
			if overlap(x.Data, y.Data) {
				return true
			}
		}
	}
	return false
}

func overlap(a, b []byte) bool {
	begin := func(s []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(s))) }
	return len(a) > 0 && len(b) > 0 && begin(a) < begin(b)+uintptr(len(b)) && begin(b) < begin(a)+uintptr(len(a))
}
