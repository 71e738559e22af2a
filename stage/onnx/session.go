package onnx

import (
	"errors"
	"fmt"

	ort "github.com/yalue/onnxruntime_go"
)

// open creates the session. The environment is there.
func open(s *source) (*runner, error) {
	opts, err := sessionOptions(s.config.threads)
	if err != nil {
		return nil, fmt.Errorf("onnx: open %s: %w", s.name, err)
	}
	defer opts.Destroy()
	r := &runner{name: s.name}
	if r.inputs, r.outputs, err = describe(s, opts); err != nil {
		return nil, fmt.Errorf("onnx: open %s: %w", s.name, err)
	}
	in, out := names(r.inputs), names(r.outputs)
	if s.path != "" {
		r.session, err = ort.NewDynamicAdvancedSession(s.path, in, out, opts)
	} else {
		r.session, err = ort.NewDynamicAdvancedSessionWithONNXData(s.data, in, out, opts)
	}
	if err != nil {
		return nil, fmt.Errorf("onnx: open %s: %w", s.name, err)
	}
	return r, nil
}

// describe asks for the model's inputs and outputs. The binding loads the
// model once more for this.
func describe(s *source, opts *ort.SessionOptions) (inputs, outputs []spec, err error) {
	var in, out []ort.InputOutputInfo
	if s.path != "" {
		in, out, err = ort.GetInputOutputInfoWithOptions(s.path, opts)
	} else {
		in, out, err = ort.GetInputOutputInfoWithONNXData(s.data)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("ONNX Runtime %s cannot load it: %w; if the file is whole (onnx.checker.check_model tells),"+
			" export it for an opset this version knows", ort.GetVersion(), err)
	}
	if len(in) == 0 || len(out) == 0 {
		return nil, nil, errors.New("the model needs at least one input and one output")
	}
	if inputs, err = specsOf("input", in); err != nil {
		return nil, nil, err
	}
	outputs, err = specsOf("output", out)
	return inputs, outputs, err
}

func sessionOptions(threads int) (*ort.SessionOptions, error) {
	opts, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	err = errors.Join(
		opts.SetIntraOpNumThreads(threads),
		opts.SetInterOpNumThreads(1),
		opts.SetExecutionMode(ort.ExecutionModeSequential),
		// Errors are returned; a cancelled run is not worth a line on stderr.
		opts.SetLogSeverityLevel(ort.LoggingLevelFatal),
	)
	if err != nil {
		return nil, errors.Join(err, opts.Destroy())
	}
	return opts, nil
}

func names(specs []spec) []string {
	out := make([]string, len(specs))
	for i, s := range specs {
		out[i] = s.name
	}
	return out
}
