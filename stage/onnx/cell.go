package onnx

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"unsafe"

	"github.com/serflow/serflow-go/stage"
	ort "github.com/yalue/onnxruntime_go"
)

// copyLimit is the size in bytes up to which a tensor is copied to or from a
// buffer that stays bound, which is cheaper than a binding of its own. Larger
// tensors are bound where they are.
const copyLimit = 16 << 10

// A cell binds one input or output of a slot.
type cell struct {
	spec
	shape []int64   // with -1 if only ONNX Runtime knows the dimension
	size  int       // of the data in bytes; -1 if unknown
	buf   []byte    // of a small tensor
	kept  ort.Value // on buf
	bound []byte    // a large tensor's data, during a run
}

func newCell(s spec, shape []int64) (cell, error) {
	c := cell{spec: s, shape: slices.Clone(shape), size: -1}
	if slices.Min(shape) < 0 {
		return c, nil
	}
	n, err := stage.Elements(shape)
	if err != nil {
		return c, fmt.Errorf("tensor %q: %w", s.name, err)
	}
	c.size = n * s.dtype.Size()
	if c.size > copyLimit {
		return c, nil
	}
	c.buf = make([]byte, max(c.size, 1)) // the binding takes no empty data
	v, err := ort.NewCustomDataTensor(c.shape, c.buf, s.ort)
	if err != nil {
		return c, fmt.Errorf("tensor %q: %w", s.name, err)
	}
	c.kept = v
	return c, nil
}

func (c *cell) destroy() {
	if c.kept != nil {
		_ = c.kept.Destroy()
	}
}

// bindInput gives data, which has the cell's size, to ONNX Runtime.
func (c *cell) bindInput(pins *runtime.Pinner, data []byte) (ort.Value, error) {
	if c.kept != nil {
		copy(c.buf, data)
		pins.Pin(&c.buf[0])
		return c.kept, nil
	}
	if uintptr(unsafe.Pointer(&data[0]))%uintptr(c.dtype.Size()) != 0 {
		data = bytes.Clone(data) // what Go allocates is aligned
	}
	return c.wrap(pins, data)
}

// bindOutput gives ONNX Runtime memory to write to; a nil value leaves it to
// allocate its own.
func (c *cell) bindOutput(pins *runtime.Pinner, spare *buffers) (ort.Value, error) {
	if c.kept != nil {
		pins.Pin(&c.buf[0])
		return c.kept, nil
	}
	if c.size < 0 {
		return nil, nil
	}
	return c.wrap(pins, spare.take(c.size))
}

func (c *cell) wrap(pins *runtime.Pinner, data []byte) (ort.Value, error) {
	pins.Pin(&data[0])
	v, err := ort.NewCustomDataTensor(c.shape, data, c.ort)
	if err != nil {
		return nil, err // not v: a nil pointer in an interface is not nil
	}
	c.bound = data
	return v, nil
}

// output is the shape and the data of an output that has been computed. The
// data is not the cell's.
func (c *cell) output(v ort.Value, spare *buffers) ([]int64, []byte, error) {
	switch {
	case c.kept != nil:
		data := spare.take(c.size)
		copy(data, c.buf)
		return c.shape, data, nil
	case c.size >= 0:
		return c.shape, c.bound, nil
	}
	data, err := bytesOf(v)
	if err != nil {
		return nil, nil, err
	}
	return v.GetShape(), data, nil
}

// unbind frees the value of one run, if it is not the one that is kept.
func (c *cell) unbind(v *ort.Value) {
	if *v != nil && *v != c.kept {
		_ = (*v).Destroy()
	}
	*v, c.bound = nil, nil
}

// bytesOf is the Go memory that the binding has copied an output to.
func bytesOf(v ort.Value) ([]byte, error) {
	switch t := v.(type) {
	case *ort.Tensor[bool]:
		return raw(t.GetData()), nil
	case *ort.Tensor[uint8]:
		return raw(t.GetData()), nil
	case *ort.Tensor[uint16]:
		return raw(t.GetData()), nil
	case *ort.Tensor[uint32]:
		return raw(t.GetData()), nil
	case *ort.Tensor[uint64]:
		return raw(t.GetData()), nil
	case *ort.Tensor[int8]:
		return raw(t.GetData()), nil
	case *ort.Tensor[int16]:
		return raw(t.GetData()), nil
	case *ort.Tensor[int32]:
		return raw(t.GetData()), nil
	case *ort.Tensor[int64]:
		return raw(t.GetData()), nil
	case *ort.Tensor[float32]:
		return raw(t.GetData()), nil
	case *ort.Tensor[float64]:
		return raw(t.GetData()), nil
	}
	return nil, fmt.Errorf("is a %T, not a tensor of a supported type", v)
}

func raw[T any](data []T) []byte {
	var element T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(data))), len(data)*int(unsafe.Sizeof(element)))
}
