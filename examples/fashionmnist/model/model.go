// Package model holds the early-exit network for Fashion-MNIST that the examples
// serve, and what is known of it: five stages as ONNX files, what each costs, the
// logits that every exit gave for the validation images, and test images. How it was
// made stands in the README of the folder above. It needs no ONNX Runtime.
package model

import (
	"embed"
	"encoding/json"
	"fmt"

	"github.com/serflow/serflow-go/exit"
)

// Stages and classes of the network; the last stage's exit is the final one.
const (
	Stages  = 5
	Classes = 10
)

// logitSteps is in how many steps a unit of a validation logit is recorded.
const logitSteps = 128

// Input is the name of the tensor that the first stage takes: FP32 from 0 to 1, of
// the shape of one image.
const Input = "image"

// Shape is one image's: channels, rows, columns.
var Shape = []int64{1, 28, 28}

//go:embed *.onnx *.idx.gz model.json
var files embed.FS

// File is the ONNX file of stage k, counted from 0, with an open batch size.
func File(k int) ([]byte, error) { return files.ReadFile(fmt.Sprintf("s%d.onnx", k+1)) }

// Facts are numbers that the export recorded.
type Facts struct {
	MultiplyAdds []float64 // of each stage with its exit, for one image
	TestCorrect  []int     // test images that each exit has right, as the training framework computes them
}

// Read returns the facts.
func Read() (Facts, error) {
	var f Facts
	raw, err := files.ReadFile("model.json")
	if err == nil {
		err = json.Unmarshal(raw, &f)
	}
	if err != nil {
		return f, fmt.Errorf("model.json: %w", err)
	}
	return f, nil
}

// Validation is what every exit says of the 10,000 images that were neither trained
// on nor are test images; costs are multiply-adds of one image.
func Validation() (exit.Validation, error) {
	facts, err := Read()
	if err != nil {
		return exit.Validation{}, err
	}
	dims, data, err := open("validation-logits.idx.gz", idxShorts)
	if err != nil {
		return exit.Validation{}, err
	}
	if len(dims) != 3 || dims[0] != Stages || dims[2] != Classes {
		return exit.Validation{}, fmt.Errorf("validation logits of %v, want [%d rows %d]", dims, Stages, Classes)
	}
	_, labels, err := open("validation-labels.idx.gz", idxBytes)
	if err != nil {
		return exit.Validation{}, err
	}
	v := exit.Validation{Labels: ints(labels), Classes: Classes, Cost: facts.MultiplyAdds}
	each := dims[1] * Classes
	for k := range Stages {
		v.Logits = append(v.Logits, shorts(data[2*k*each:2*(k+1)*each], logitSteps))
	}
	return v, nil
}

// Images are labelled images: Pixels[i] is one of Shape, from 0 to 1.
type Images struct {
	Pixels [][]float32
	Labels []int
}

// Test returns the 5,000 test images, which neither training nor thresholds have seen.
func Test() (Images, error) {
	dims, data, err := open("test-images.idx.gz", idxBytes)
	if err != nil {
		return Images{}, err
	}
	_, labels, err := open("test-labels.idx.gz", idxBytes)
	if err != nil {
		return Images{}, err
	}
	if len(dims) != 3 || dims[0] != len(labels) || int64(dims[1]) != Shape[1] || int64(dims[2]) != Shape[2] {
		return Images{}, fmt.Errorf("test images of %v for %d labels", dims, len(labels))
	}
	images := Images{Labels: ints(labels)}
	each := dims[1] * dims[2]
	for i := range labels {
		pixels := make([]float32, each)
		for j, b := range data[i*each : (i+1)*each] {
			pixels[j] = float32(b) / 255
		}
		images.Pixels = append(images.Pixels, pixels)
	}
	return images, nil
}

func open(name string, elements byte) (dims []int, data []byte, err error) {
	raw, err := files.ReadFile(name)
	if err == nil {
		dims, data, err = readIDX(raw, elements)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	return dims, data, nil
}
