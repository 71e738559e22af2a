package model

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The element types of IDX, the file format of MNIST, that are used here.
const (
	idxBytes  = 0x08
	idxShorts = 0x0B
)

// maxIDX bounds what a gzip file may unfold to.
const maxIDX = 64 << 20

// readIDX reads a gzipped IDX file: two zero bytes, the element type, the number of
// dimensions, each dimension and the elements, all big-endian. It returns at least
// one dimension and as many elements of the wanted type, undecoded, as they stand for.
func readIDX(file []byte, elements byte) (dims []int, data []byte, err error) {
	z, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		return nil, nil, fmt.Errorf("not gzip: %w", err)
	}
	raw, err := io.ReadAll(io.LimitReader(z, maxIDX))
	if err != nil {
		return nil, nil, fmt.Errorf("damaged gzip: %w", err)
	}
	if len(raw) < 4 || raw[0] != 0 || raw[1] != 0 {
		return nil, nil, errors.New("not an IDX file")
	}
	if raw[2] != elements {
		return nil, nil, fmt.Errorf("elements of type %#x, want %#x", raw[2], elements)
	}
	n, rest := int(raw[3]), raw[4:]
	if n < 1 || len(rest) < 4*n {
		return nil, nil, fmt.Errorf("%d dimensions in a file of %d bytes", n, len(raw))
	}
	size := 1
	if elements == idxShorts {
		size = 2
	}
	for i := range n {
		d := int(binary.BigEndian.Uint32(rest[4*i:]))
		if d > 0 && size > maxIDX/d {
			return nil, nil, errors.New("the dimensions are too large")
		}
		dims, size = append(dims, d), size*d
	}
	if data = rest[4*n:]; len(data) != size {
		return nil, nil, fmt.Errorf("%d bytes of elements; the dimensions %v need %d", len(data), dims, size)
	}
	return dims, data, nil
}

// shorts are 16-bit integers, divided.
func shorts(data []byte, by float32) []float32 {
	out := make([]float32, len(data)/2)
	for i := range out {
		out[i] = float32(int16(binary.BigEndian.Uint16(data[2*i:]))) / by
	}
	return out
}

func ints(data []byte) []int {
	out := make([]int, len(data))
	for i, b := range data {
		out[i] = int(b)
	}
	return out
}
