package stage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// ErrInput marks what the caller must change: a wrong name, type, shape, length
// or number of rows.
var ErrInput = errors.New("bad input")

// Tensor is a named array. Data is little-endian and row-major. In a request the
// shape is that of one sample; in a batch, which is what a Runner sees, the first
// dimension is the number of rows.
//
// A Tensor does not own its Data: who changes the bytes changes every copy of it.
type Tensor struct {
	Name  string
	DType DType
	Shape []int64
	Data  []byte
}

// Elements is the number of elements that a shape stands for (1 for a scalar's
// empty shape). A negative dimension and a product beyond what memory can index
// are errors that wrap ErrInput.
func Elements(shape []int64) (int, error) {
	n := int64(1)
	zero := false
	for _, d := range shape {
		switch {
		case d < 0:
			return 0, fmt.Errorf("%w: shape %v has a negative dimension", ErrInput, shape)
		case d == 0:
			zero = true
		case n > math.MaxInt/8/d:
			return 0, fmt.Errorf("%w: shape %v overflows", ErrInput, shape)
		default:
			n *= d
		}
	}
	if zero {
		return 0, nil
	}
	return int(n), nil
}

// Validate reports whether type, shape and data agree; its error wraps ErrInput
// and names the tensor.
func (t Tensor) Validate() error {
	if t.Name == "" {
		return fmt.Errorf("%w: a tensor without a name", ErrInput)
	}
	n, err := Elements(t.Shape)
	if err != nil {
		return fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	if t.DType == Bytes {
		if got, err := countBytes(t.Data); err != nil {
			return fmt.Errorf("tensor %q: %w", t.Name, err)
		} else if got != n {
			return fmt.Errorf("%w: tensor %q has %d BYTES elements; shape %v needs %d", ErrInput, t.Name, got, t.Shape, n)
		}
		return nil
	}
	size := t.DType.Size()
	if size == 0 {
		return fmt.Errorf("%w: tensor %q has no valid data type (%v)", ErrInput, t.Name, t.DType)
	}
	if len(t.Data) != n*size {
		return fmt.Errorf("%w: tensor %q has %d bytes; %v of shape %v needs %d", ErrInput, t.Name, len(t.Data), t.DType, t.Shape, n*size)
	}
	return nil
}

// nextBytes splits the first BYTES element off data.
func nextBytes(data []byte) (element, rest []byte, err error) {
	if len(data) < 4 {
		return nil, nil, fmt.Errorf("%w: BYTES data ends inside a length", ErrInput)
	}
	size := int64(binary.LittleEndian.Uint32(data))
	if size > int64(len(data)-4) {
		return nil, nil, fmt.Errorf("%w: a BYTES element claims %d bytes; %d are left", ErrInput, size, len(data)-4)
	}
	return data[4 : 4+size], data[4+size:], nil
}

func countBytes(data []byte) (n int, err error) {
	for ; len(data) > 0; n++ {
		if _, data, err = nextBytes(data); err != nil {
			return 0, err
		}
	}
	return n, nil
}
