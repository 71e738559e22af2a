package wire

import (
	"encoding/binary"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/serflow/serflow-go/stage"
)

// appendJSONTensors appends the array of valid tensors with their data as JSON.
func appendJSONTensors(dst []byte, tensors []stage.Tensor) ([]byte, error) {
	var err error
	dst = append(dst, '[')
	for i, t := range tensors {
		if i > 0 {
			dst = append(dst, ',')
		}
		if !hasJSON(t.DType) {
			return dst, invalid("tensor %q: %v has no JSON form: ask for binary_data_output", t.Name, t.DType)
		}
		dst = append(appendTensor(dst, t), `,"data":[`...)
		if t.DType == stage.Bytes {
			dst, err = appendStrings(dst, t)
		} else {
			dst, err = appendNumbers(dst, t)
		}
		if err != nil {
			return dst, err
		}
		dst = append(dst, `]}`...)
	}
	return append(dst, ']'), nil
}

func appendStrings(dst []byte, t stage.Tensor) ([]byte, error) {
	texts, err := stage.StringData(t)
	if err != nil {
		return dst, invalid("%v", err)
	}
	for i, s := range texts {
		if !utf8.ValidString(s) {
			return dst, invalid("tensor %q: element %d is not UTF-8 and has no JSON form: ask for binary_data_output", t.Name, i)
		}
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, s)
	}
	return dst, nil
}

func appendNumbers(dst []byte, t stage.Tensor) ([]byte, error) {
	size := t.DType.Size()
	for at := 0; at < len(t.Data); at += size {
		if at > 0 {
			dst = append(dst, ',')
		}
		var ok bool
		if dst, ok = appendNumber(dst, t.DType, t.Data[at:at+size]); !ok {
			return dst, invalid("tensor %q: element %d is no finite number and has no JSON form: ask for binary_data_output", t.Name, at/size)
		}
	}
	return dst, nil
}

// appendNumber appends an element of a type with a fixed size; not ok if JSON has no form for it.
func appendNumber(dst []byte, dtype stage.DType, element []byte) (number []byte, ok bool) {
	var wide [8]byte
	copy(wide[:], element)
	bits := binary.LittleEndian.Uint64(wide[:])
	switch dtype {
	case stage.Bool:
		return strconv.AppendBool(dst, bits != 0), true
	case stage.Uint8, stage.Uint16, stage.Uint32, stage.Uint64:
		return strconv.AppendUint(dst, bits, 10), true
	case stage.Int8, stage.Int16, stage.Int32, stage.Int64:
		unused := 64 - 8*len(element)
		return strconv.AppendInt(dst, int64(bits<<unused)>>unused, 10), true
	case stage.FP32:
		return appendFloat(dst, float64(math.Float32frombits(uint32(bits))), 32)
	case stage.FP64:
		return appendFloat(dst, math.Float64frombits(bits), 64)
	}
	return dst, false
}

// hasJSON tells whether a type's values can be written as JSON: 16-bit floats cannot.
func hasJSON(dtype stage.DType) bool { return dtype != stage.FP16 && dtype != stage.BF16 }

func appendFloat(dst []byte, f float64, bits int) ([]byte, bool) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return dst, false
	}
	return strconv.AppendFloat(dst, f, 'g', -1, bits), true
}
