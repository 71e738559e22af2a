package wire

import (
	"github.com/serflow/serflow-go/stage"
)

// tensors makes tensors of their headers. Those in binary share the memory of
// data, of which nothing may be left over. Whether shape and data of a binary
// tensor agree is left to stage.Rows.
func (l Limits) tensors(kind string, headers []tensorHeader, data []byte) ([]stage.Tensor, error) {
	out := make([]stage.Tensor, len(headers))
	rest := data
	for i := range headers {
		var err error
		if out[i], err = l.form(kind, &headers[i]); err != nil {
			return nil, err
		}
		if out[i].Data, rest, err = content(kind, &headers[i], out[i], rest); err != nil {
			return nil, err
		}
	}
	if len(rest) > 0 {
		return nil, invalid("%d bytes of binary data are left over after the last %s: its binary_data_size must be the sum of what follows the header", len(rest), kind)
	}
	return out, nil
}

// form is a tensor without its data.
func (l Limits) form(kind string, h *tensorHeader) (stage.Tensor, error) {
	var none stage.Tensor
	if err := l.name(kind, h.Name); err != nil {
		return none, err
	}
	dtype, err := stage.ParseDType(h.DataType)
	if err != nil {
		return none, invalid("%s %q: unknown data type %q: want one of the Open Inference Protocol's, such as FP32", kind, h.Name, excerpt([]byte(h.DataType), 20))
	}
	if len(h.Shape) > l.Dims {
		return none, tooLarge("%s %q has %d dimensions; the limit is %d", kind, h.Name, len(h.Shape), l.Dims)
	}
	if _, err := stage.Elements(h.Shape); err != nil {
		return none, invalid("%s %q: %v", kind, h.Name, err)
	}
	if len(h.Shape) == 0 || h.Shape[0] == 0 {
		return none, invalid("%s %q of shape %v has no rows: the first dimension must be their number", kind, h.Name, []int64(h.Shape))
	}
	if h.Shape[0] > int64(l.Rows) {
		return none, tooLarge("%s %q has %d rows; the limit is %d: send fewer at once", kind, h.Name, h.Shape[0], l.Rows)
	}
	return stage.Tensor{Name: h.Name, DType: dtype, Shape: h.Shape}, nil
}

// content finds or makes the data of a tensor, and returns what is left of the binary data.
func content(kind string, h *tensorHeader, t stage.Tensor, rest []byte) (data, left []byte, err error) {
	size := h.Parameters.Size
	switch {
	case size == absent && h.Data == nil:
		return nil, nil, invalid("%s %q has neither data nor binary_data_size: send one of them", kind, h.Name)
	case size == absent:
		data, err = parseData(t, h.Data)
		return data, rest, err
	case h.Data != nil:
		return nil, nil, invalid("%s %q has both data and binary_data_size: send one of them", kind, h.Name)
	case size < 0 || size > int64(len(rest)):
		return nil, nil, invalid("%s %q has binary_data_size %d; %d bytes are left after the JSON header, whose length %s must give",
			kind, h.Name, size, len(rest), HeaderLength)
	}
	if n, _ := stage.Elements(t.Shape); t.DType != stage.Bytes && size != int64(n*t.DType.Size()) {
		return nil, nil, invalid("%s %q has binary_data_size %d; %v of shape %v needs %d", kind, h.Name, size, t.DType, t.Shape, n*t.DType.Size())
	}
	return rest[:size:size], rest[size:], nil
}

func (l Limits) name(kind, name string) error {
	if name == "" {
		return invalid("an %s without a name: give it one", kind)
	}
	return l.text(kind+" name", name)
}

// text limits what is kept of a peer's words.
func (l Limits) text(what, text string) error {
	if len(text) > l.Name {
		return tooLarge("%s of %d bytes, %q; the limit is %d", what, len(text), excerpt([]byte(text), 20), l.Name)
	}
	return nil
}

// rows is the number of rows of tensors that must agree on it.
func rows(kind string, tensors []stage.Tensor) (int, error) {
	n, err := stage.Rows(tensors)
	if err != nil {
		return 0, invalid("%ss: %v", kind, err)
	}
	return n, nil
}
