package stage

import (
	"fmt"
	"slices"
)

// Stack joins samples of equal names, types and shapes into a batch: the tensors
// get a first dimension of len(samples). One sample is not copied. The tensors
// must be valid; errors wrap ErrInput.
func Stack(samples [][]Tensor) ([]Tensor, error) {
	if len(samples) == 0 {
		return nil, fmt.Errorf("%w: no samples", ErrInput)
	}
	out := make([]Tensor, len(samples[0]))
	for i, first := range samples[0] {
		first.Shape = append([]int64{int64(len(samples))}, first.Shape...)
		if len(samples) > 1 {
			first.Data = make([]byte, 0, len(first.Data)*len(samples))
			for row, sample := range samples {
				if err := sameForm(samples[0], sample, i, row); err != nil {
					return nil, err
				}
				first.Data = append(first.Data, sample[i].Data...)
			}
		}
		out[i] = first
	}
	return out, nil
}

func sameForm(first, sample []Tensor, i, row int) error {
	if len(sample) != len(first) {
		return fmt.Errorf("%w: sample %d has %d tensors; sample 0 has %d", ErrInput, row, len(sample), len(first))
	}
	a, b := first[i], sample[i]
	if a.Name != b.Name || a.DType != b.DType || !slices.Equal(a.Shape, b.Shape) {
		return fmt.Errorf("%w: sample %d has %q %v %v where sample 0 has %q %v %v",
			ErrInput, row, b.Name, b.DType, b.Shape, a.Name, a.DType, a.Shape)
	}
	return nil
}

// Rows is the first dimension that all tensors of a batch share. A batch of
// nothing, an invalid tensor and tensors of different rows are errors that wrap
// ErrInput.
func Rows(batch []Tensor) (int, error) {
	if len(batch) == 0 {
		return 0, fmt.Errorf("%w: no tensors", ErrInput)
	}
	for i, t := range batch {
		if err := t.Validate(); err != nil {
			return 0, err
		}
		if len(t.Shape) == 0 {
			return 0, fmt.Errorf("%w: tensor %q of a batch is a scalar: its first dimension must be the rows", ErrInput, t.Name)
		}
		if t.Shape[0] != batch[0].Shape[0] {
			return 0, fmt.Errorf("%w: tensor %q has %d rows; %q has %d", ErrInput, t.Name, t.Shape[0], batch[0].Name, batch[0].Shape[0])
		}
		if slices.ContainsFunc(batch[:i], func(u Tensor) bool { return u.Name == t.Name }) {
			return 0, fmt.Errorf("%w: two tensors are named %q", ErrInput, t.Name)
		}
	}
	return int(batch[0].Shape[0]), nil
}

// Take copies the given rows of a valid batch, in that order. It panics on a row
// out of range.
func Take(batch []Tensor, rows []int) []Tensor {
	out := make([]Tensor, len(batch))
	for i, t := range batch {
		parts := split(t)
		data := make([]byte, 0, len(t.Data)/max(1, len(parts))*len(rows))
		for _, r := range rows {
			data = append(data, parts[r]...)
		}
		shape := slices.Clone(t.Shape)
		shape[0] = int64(len(rows))
		out[i] = Tensor{Name: t.Name, DType: t.DType, Shape: shape, Data: data}
	}
	return out
}

// Row is one row of a valid batch tensor as a request has it: without the first
// dimension, sharing the batch's memory. It panics on a row out of range. A row of
// BYTES is found by walking from the first; for many of them use Split.
func Row(t Tensor, row int) Tensor {
	data := rowData
	if t.DType == Bytes {
		data = func(t Tensor, row int) []byte { return split(t)[row] }
	}
	return Tensor{Name: t.Name, DType: t.DType, Shape: t.Shape[1:], Data: data(t, row)}
}

// Split is every row of a valid batch tensor: see Row.
func Split(t Tensor) []Tensor {
	rows := make([]Tensor, t.Shape[0])
	for r, data := range split(t) {
		rows[r] = Tensor{Name: t.Name, DType: t.DType, Shape: t.Shape[1:], Data: data}
	}
	return rows
}

// rowData is a row of a tensor whose elements have a fixed size.
func rowData(t Tensor, row int) []byte {
	size := len(t.Data) / int(t.Shape[0])
	return t.Data[row*size : (row+1)*size : (row+1)*size]
}

// split cuts a batch tensor's data into its rows, whose sizes differ for BYTES.
func split(t Tensor) [][]byte {
	n := int(t.Shape[0])
	parts := make([][]byte, n)
	if t.DType != Bytes {
		for r := range parts {
			parts[r] = rowData(t, r)
		}
		return parts
	}
	each, _ := Elements(t.Shape[1:])
	rest := t.Data
	for r := range parts {
		begin := rest
		for range each {
			_, rest, _ = nextBytes(rest)
		}
		parts[r] = begin[:len(begin)-len(rest)]
	}
	return parts
}
