package wire

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"github.com/serflow/serflow-go/stage"
)

// parseData converts a tensor's JSON data, which encoding/json has found to be
// valid JSON: its elements in row-major order, flat or nested as the shape.
func parseData(t stage.Tensor, text []byte) ([]byte, error) {
	if !hasJSON(t.DType) {
		return nil, invalid("tensor %q: %v has no JSON form: send it in binary", t.Name, t.DType)
	}
	n, err := stage.Elements(t.Shape)
	if err != nil {
		return nil, invalid("tensor %q: %v", t.Name, err)
	}
	// An element takes two bytes of text or more, so this bounds what a shape can make us allocate.
	if n > len(text)/2 {
		return nil, invalid("tensor %q: shape %v needs %d elements; data has fewer", t.Name, t.Shape, n)
	}
	d := dataParser{tensor: t, in: json.NewDecoder(bytes.NewReader(text)), out: make([]byte, 0, n*t.DType.Size())}
	d.in.UseNumber()
	if first, err := d.in.Token(); err != nil || first != json.Delim('[') {
		return nil, invalid("tensor %q: data is %q: send an array", t.Name, excerpt(text, 20))
	}
	shape := t.Shape
	if flat(text) {
		shape = []int64{int64(n)}
	}
	if err := d.array(shape); err != nil {
		return nil, err
	}
	return d.out, nil
}

// flat tells whether an array's first element is no array.
func flat(text []byte) bool {
	inside := bytes.TrimLeft(bytes.TrimLeft(text, " \t\r\n")[1:], " \t\r\n")
	return inside[0] != '['
}

type dataParser struct {
	tensor stage.Tensor
	in     *json.Decoder
	out    []byte
}

// array reads the rest of an array of the given shape, whose bracket has been read.
func (d *dataParser) array(shape []int64) error {
	var count int64
	for ; d.in.More(); count++ {
		if count == shape[0] {
			return d.wrong("an array has more than %d elements", shape[0])
		}
		token, err := d.in.Token()
		if err != nil {
			return d.wrong("%v", err)
		}
		if nested := token == json.Delim('['); nested != (len(shape) > 1) {
			return d.wrong("%.40q stands where the shape has no such element", fmt.Sprint(token))
		}
		if len(shape) > 1 {
			err = d.array(shape[1:])
		} else {
			err = d.element(token)
		}
		if err != nil {
			return err
		}
	}
	if count < shape[0] {
		return d.wrong("an array has %d elements, not %d", count, shape[0])
	}
	_, err := d.in.Token() // the closing bracket
	return err
}

func (d *dataParser) wrong(format string, args ...any) error {
	return invalid("tensor %q: %s: send data of shape %v, flat or nested as the shape", d.tensor.Name, fmt.Sprintf(format, args...), d.tensor.Shape)
}

// element converts one element.
func (d *dataParser) element(token json.Token) error {
	var err error
	bits := d.tensor.DType.Size() * 8
	switch dtype := d.tensor.DType; dtype {
	case stage.Bool:
		value, ok := token.(bool)
		if !ok {
			return d.misfit(token, "true or false")
		}
		if value {
			d.out = append(d.out, 1)
		} else {
			d.out = append(d.out, 0)
		}
	case stage.Bytes:
		value, ok := token.(string)
		if !ok {
			return d.misfit(token, "a string")
		}
		d.out = binary.LittleEndian.AppendUint32(d.out, uint32(len(value)))
		d.out = append(d.out, value...)
	case stage.FP32, stage.FP64:
		var value float64
		if value, err = strconv.ParseFloat(number(token), bits); err != nil {
			return d.misfit(token, "a number in its range")
		}
		if dtype == stage.FP32 {
			d.append(uint64(math.Float32bits(float32(value))), bits)
		} else {
			d.append(math.Float64bits(value), bits)
		}
	case stage.Uint8, stage.Uint16, stage.Uint32, stage.Uint64:
		var value uint64
		if value, err = strconv.ParseUint(number(token), 10, bits); err != nil {
			return d.misfit(token, "an integer in its range")
		}
		d.append(value, bits)
	default:
		var value int64
		if value, err = strconv.ParseInt(number(token), 10, bits); err != nil {
			return d.misfit(token, "an integer in its range")
		}
		d.append(uint64(value), bits)
	}
	return nil
}

// number is a JSON number's text, and none of any other token, so that the
// string "1" and "Inf" are not numbers.
func number(token json.Token) string {
	n, _ := token.(json.Number)
	return n.String()
}

// append appends the low bits of an element.
func (d *dataParser) append(value uint64, bits int) {
	for shift := 0; shift < bits; shift += 8 {
		d.out = append(d.out, byte(value>>shift))
	}
}

func (d *dataParser) misfit(token json.Token, want string) error {
	return invalid("tensor %q: element %.40q does not fit %v: send %s", d.tensor.Name, fmt.Sprint(token), d.tensor.DType, want)
}
