package stage

import (
	"encoding/binary"
	"fmt"
	"unsafe"
)

// Element is a Go type that Data and Of convert to and from.
type Element interface {
	bool | uint8 | uint16 | uint32 | uint64 | int8 | int16 | int32 | int64 | float32 | float64
}

func dtypeOf[T Element]() DType {
	var zero T
	switch any(zero).(type) {
	case bool:
		return Bool
	case uint8:
		return Uint8
	case uint16:
		return Uint16
	case uint32:
		return Uint32
	case uint64:
		return Uint64
	case int8:
		return Int8
	case int16:
		return Int16
	case int32:
		return Int32
	case int64:
		return Int64
	case float32:
		return FP32
	default:
		return FP64
	}
}

// Of makes a tensor of Go values, copied. Whether they fit the shape is checked
// by Validate, which every Infer calls.
func Of[T Element](name string, shape []int64, values []T) Tensor {
	data, err := binary.Append(make([]byte, 0, len(values)*dtypeOf[T]().Size()), binary.LittleEndian, values)
	if err != nil {
		panic(err) // every Element has a fixed size
	}
	return Tensor{Name: name, DType: dtypeOf[T](), Shape: shape, Data: data}
}

// Float32 is Of for float32 values.
func Float32(name string, shape []int64, values []float32) Tensor { return Of(name, shape, values) }

// Data returns a copy of the tensor's elements as Go values. The error wraps
// ErrInput if T is not the tensor's type or the tensor is not valid.
func Data[T Element](t Tensor) ([]T, error) {
	if want := dtypeOf[T](); t.DType != want {
		return nil, fmt.Errorf("%w: tensor %q holds %v, not %v", ErrInput, t.Name, t.DType, want)
	}
	if err := t.Validate(); err != nil {
		return nil, err
	}
	out := make([]T, len(t.Data)/t.DType.Size())
	if _, err := binary.Decode(t.Data, binary.LittleEndian, out); err != nil {
		return nil, fmt.Errorf("%w: tensor %q: %w", ErrInput, t.Name, err)
	}
	return out, nil
}

// View32 returns the elements of a FP32 tensor without a copy where the machine
// is little-endian and the data aligned, and a copy elsewhere. The values must
// not be changed. Errors are those of Data.
func View32(t Tensor) ([]float32, error) {
	p := unsafe.Pointer(unsafe.SliceData(t.Data))
	if t.DType != FP32 || len(t.Data) == 0 || uintptr(p)%4 != 0 || !littleEndian {
		return Data[float32](t)
	}
	if err := t.Validate(); err != nil {
		return nil, err
	}
	return unsafe.Slice((*float32)(p), len(t.Data)/4), nil
}

var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// Strings makes a BYTES tensor, one element a string.
func Strings(name string, shape []int64, values []string) Tensor {
	size := 0
	for _, v := range values {
		size += 4 + len(v)
	}
	data := make([]byte, 0, size)
	for _, v := range values {
		data = binary.LittleEndian.AppendUint32(data, uint32(len(v)))
		data = append(data, v...)
	}
	return Tensor{Name: name, DType: Bytes, Shape: shape, Data: data}
}

// StringData returns the elements of a BYTES tensor. The error wraps ErrInput.
func StringData(t Tensor) ([]string, error) {
	if t.DType != Bytes {
		return nil, fmt.Errorf("%w: tensor %q holds %v, not BYTES", ErrInput, t.Name, t.DType)
	}
	if err := t.Validate(); err != nil {
		return nil, err
	}
	n, _ := countBytes(t.Data)
	out := make([]string, n)
	rest := t.Data
	for i := range out {
		var element []byte
		element, rest, _ = nextBytes(rest)
		out[i] = string(element)
	}
	return out, nil
}
