package model

import (
	"bytes"
	"compress/gzip"
	"slices"
	"testing"
)

func packed(raw ...byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write(raw)
	_ = z.Close()
	return out.Bytes()
}

func TestReadIDX(t *testing.T) {
	dims, data, err := readIDX(packed(0, 0, idxBytes, 2, 0, 0, 0, 1, 0, 0, 0, 2, 7, 9), idxBytes)
	if err != nil || !slices.Equal(dims, []int{1, 2}) || !slices.Equal(ints(data), []int{7, 9}) {
		t.Error(dims, data, err)
	}
	dims, data, err = readIDX(packed(0, 0, idxShorts, 1, 0, 0, 0, 2, 0, 1, 0xff, 0xfe), idxShorts)
	if err != nil || !slices.Equal(dims, []int{2}) || !slices.Equal(shorts(data, 4), []float32{0.25, -0.5}) {
		t.Error(dims, data, err)
	}
}

func TestReadIDXRefuses(t *testing.T) {
	whole := packed(0, 0, idxBytes, 1, 0, 0, 0, 2, 7, 9)
	for name, file := range map[string][]byte{
		"empty":            nil,
		"not gzip":         []byte("text"),
		"cut":              whole[:len(whole)-6],
		"not IDX":          packed(1, 0, idxBytes, 1),
		"other elements":   packed(0, 0, idxShorts, 1, 0, 0, 0, 0),
		"no dimensions":    packed(0, 0, idxBytes, 0),
		"half a dimension": packed(0, 0, idxBytes, 1, 0, 0),
		"short":            packed(0, 0, idxBytes, 1, 0, 0, 0, 2, 7),
		"long":             packed(0, 0, idxBytes, 1, 0, 0, 0, 2, 7, 9, 9),
		"overflow":         packed(0, 0, idxBytes, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255),
	} {
		if dims, _, err := readIDX(file, idxBytes); err == nil {
			t.Errorf("%s: read as %v", name, dims)
		}
	}
}

func FuzzReadIDX(f *testing.F) {
	f.Add([]byte{0, 0, idxBytes, 1, 0, 0, 0, 2, 7, 9}, byte(idxBytes))
	f.Add([]byte{0, 0, idxShorts, 2, 0, 0, 0, 1, 0, 0, 0, 1, 1, 2}, byte(idxShorts))
	f.Add([]byte{0, 0, idxBytes, 255}, byte(idxBytes))
	f.Fuzz(func(t *testing.T, raw []byte, elements byte) {
		dims, data, err := readIDX(packed(raw...), elements)
		if err != nil {
			return
		}
		size := 1
		for _, d := range dims {
			size *= d
		}
		if len(dims) == 0 || len(data) != size && len(data) != 2*size {
			t.Fatalf("%v with %d bytes", dims, len(data))
		}
	})
}
