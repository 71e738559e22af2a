package wire

import (
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/serflow/serflow-go/stage"
)

// appendString appends s, which is UTF-8, as a JSON string.
func appendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for i := range len(s) {
		switch b := s[i]; {
		case b == '"' || b == '\\':
			dst = append(dst, '\\', b)
		case b < ' ':
			dst = append(dst, `\u00`...)
			dst = append(dst, hex[b>>4], hex[b&15])
		default:
			dst = append(dst, b)
		}
	}
	return append(dst, '"')
}

// appendField appends a key, with all that is between it and what was before,
// and an integer.
func appendField(dst []byte, key string, n int64) []byte {
	return strconv.AppendInt(append(dst, key...), n, 10)
}

// appendText is appendField for a string.
func appendText(dst []byte, key, text string) []byte {
	return appendString(append(dst, key...), text)
}

// appendTensor appends what every form of a tensor begins with; what differs,
// and the closing brace, are for the caller to add.
func appendTensor(dst []byte, t stage.Tensor) []byte {
	dst = appendText(dst, `{"name":`, t.Name)
	dst = append(dst, `,"shape":[`...)
	for i, d := range t.Shape {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendInt(dst, d, 10)
	}
	dst = append(dst, `],"datatype":"`...)
	dst = append(dst, t.DType.String()...)
	return append(dst, '"')
}

// appendBinaryTensors appends the array of tensors whose data follows the header.
func appendBinaryTensors(dst []byte, tensors []stage.Tensor) []byte {
	dst = append(dst, '[')
	for i, t := range tensors {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendField(appendTensor(dst, t), `,"parameters":{"binary_data_size":`, int64(len(t.Data)))
		dst = append(dst, `}}`...)
	}
	return append(dst, ']')
}

// appendPadding ends a header that began at start, so that what follows is aligned.
func appendPadding(dst []byte, start int) []byte {
	for (len(dst)-start)%8 != 0 {
		dst = append(dst, ' ')
	}
	return dst
}

// appendData appends the data of the tensors.
func appendData(dst []byte, tensors []stage.Tensor) []byte {
	for _, t := range tensors {
		dst = append(dst, t.Data...)
	}
	return dst
}

// grow makes room for a message of these tensors at once.
func grow(dst []byte, tensors []stage.Tensor, more int) []byte {
	for _, t := range tensors {
		more += 128 + len(t.Name) + len(t.Data)
	}
	return slices.Grow(dst, 512+more)
}

func checkUTF8(what string, texts ...string) error {
	for _, s := range texts {
		if !utf8.ValidString(s) {
			return invalid("%s %q is not UTF-8, and JSON carries no other text: rename it", what, s)
		}
	}
	return nil
}
