package onnx

import (
	"fmt"
	"slices"
	"strings"

	"github.com/serflow/serflow-go/stage"
	ort "github.com/yalue/onnxruntime_go"
)

// dtypes pairs the element types of stages with ONNX Runtime's.
var dtypes = []struct {
	dtype stage.DType
	ort   ort.TensorElementDataType
}{
	{stage.Bool, ort.TensorElementDataTypeBool},
	{stage.Uint8, ort.TensorElementDataTypeUint8},
	{stage.Uint16, ort.TensorElementDataTypeUint16},
	{stage.Uint32, ort.TensorElementDataTypeUint32},
	{stage.Uint64, ort.TensorElementDataTypeUint64},
	{stage.Int8, ort.TensorElementDataTypeInt8},
	{stage.Int16, ort.TensorElementDataTypeInt16},
	{stage.Int32, ort.TensorElementDataTypeInt32},
	{stage.Int64, ort.TensorElementDataTypeInt64},
	{stage.FP16, ort.TensorElementDataTypeFloat16},
	{stage.BF16, ort.TensorElementDataTypeBFloat16},
	{stage.FP32, ort.TensorElementDataTypeFloat},
	{stage.FP64, ort.TensorElementDataTypeDouble},
}

// A spec is what the model says of one input or output.
type spec struct {
	name  string
	dtype stage.DType
	ort   ort.TensorElementDataType
	shape []int64 // -1 where the model leaves a dimension open
}

// specsOf takes the model's description over, and refuses what a stage cannot
// carry. What is "input" or "output".
func specsOf(what string, infos []ort.InputOutputInfo) ([]spec, error) {
	specs := make([]spec, 0, len(infos))
	for _, info := range infos {
		s, err := specOf(info)
		if err != nil {
			return nil, fmt.Errorf("%s %q %w", what, info.Name, err)
		}
		if what == "output" && !s.fixed() && (s.dtype == stage.FP16 || s.dtype == stage.BF16) {
			return nil, fmt.Errorf("output %q is %v of shape %v: its dimensions after the first must be fixed, or its type FP32",
				s.name, s.dtype, s)
		}
		specs = append(specs, s)
	}
	return specs, nil
}

func specOf(info ort.InputOutputInfo) (spec, error) {
	if info.OrtValueType != ort.ONNXTypeTensor {
		return spec{}, fmt.Errorf("is a %v: only tensors are supported", info.OrtValueType)
	}
	if len(info.Dimensions) == 0 {
		return spec{}, fmt.Errorf("is a scalar: a first dimension for the rows is needed")
	}
	for _, t := range dtypes {
		if t.ort == info.DataType {
			return spec{info.Name, t.dtype, t.ort, info.Dimensions}, nil
		}
	}
	return spec{}, fmt.Errorf("has elements of the unsupported type %v", info.DataType)
}

// ports describes specs to others.
func ports(specs []spec) []stage.Port {
	out := make([]stage.Port, len(specs))
	for i, s := range specs {
		out[i] = stage.Port{Name: s.name, DType: s.dtype, Shape: slices.Clone(s.shape)}
	}
	return out
}

// fixed tells whether all dimensions but the rows are known beforehand.
func (s spec) fixed() bool {
	for _, d := range s.shape[1:] {
		if d < 0 {
			return false
		}
	}
	return true
}

// accepts tells whether a tensor of this shape fits.
func (s spec) accepts(shape []int64) bool {
	if len(shape) != len(s.shape) {
		return false
	}
	for i, d := range s.shape {
		if d >= 0 && d != shape[i] {
			return false
		}
	}
	return true
}

// String is the shape as messages show it: [rows 3 any].
func (s spec) String() string {
	words := make([]string, len(s.shape))
	for i, d := range s.shape {
		switch {
		case d >= 0:
			words[i] = fmt.Sprint(d)
		case i == 0:
			words[i] = "rows"
		default:
			words[i] = "any"
		}
	}
	return "[" + strings.Join(words, " ") + "]"
}
