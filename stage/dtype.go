package stage

import "fmt"

// DType is the element type of a tensor: the data types of the Open Inference
// Protocol V2, and BF16, which Triton adds to it.
type DType uint8

// The element types. Bytes elements have no fixed size: each is a little-endian
// uint32 length and that many bytes, as in the protocol's binary extension.
const (
	Invalid DType = iota
	Bool
	Uint8
	Uint16
	Uint32
	Uint64
	Int8
	Int16
	Int32
	Int64
	FP16
	BF16
	FP32
	FP64
	Bytes
)

var dtypes = [...]struct {
	name string
	size int
}{
	Invalid: {"INVALID", 0},
	Bool:    {"BOOL", 1},
	Uint8:   {"UINT8", 1}, Uint16: {"UINT16", 2}, Uint32: {"UINT32", 4}, Uint64: {"UINT64", 8},
	Int8: {"INT8", 1}, Int16: {"INT16", 2}, Int32: {"INT32", 4}, Int64: {"INT64", 8},
	FP16: {"FP16", 2}, BF16: {"BF16", 2}, FP32: {"FP32", 4}, FP64: {"FP64", 8},
	Bytes: {"BYTES", 0},
}

// String is the type's name in the Open Inference Protocol, such as "FP32".
func (d DType) String() string {
	if int(d) >= len(dtypes) {
		return fmt.Sprintf("DType(%d)", uint8(d))
	}
	return dtypes[d].name
}

// Size is the size of one element in bytes; 0 for Bytes and unknown types.
func (d DType) Size() int {
	if int(d) >= len(dtypes) {
		return 0
	}
	return dtypes[d].size
}

// ParseDType finds a type by its name in the Open Inference Protocol. The error
// wraps ErrInput.
func ParseDType(name string) (DType, error) {
	for d := Bool; int(d) < len(dtypes); d++ {
		if dtypes[d].name == name {
			return d, nil
		}
	}
	return Invalid, fmt.Errorf("%w: unknown data type %q: want one of the Open Inference Protocol's, such as FP32", ErrInput, name)
}
