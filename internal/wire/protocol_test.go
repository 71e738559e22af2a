package wire

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/stage"
)

// The forms of the protocol's own documentation: inference_rest.md of
// kserve/open-inference-protocol, and extension_binary_data.md of Triton. The
// second input has the rows of the first here; in the documentation it has three.
const (
	documentedJSON = `{
  "id" : "42",
  "inputs" : [
    {
      "name" : "input0",
      "shape" : [ 2, 2 ],
      "datatype" : "UINT32",
      "data" : [ 1, 2, 3, 4 ]
    },
    {
      "name" : "input1",
      "shape" : [ 2 ],
      "datatype" : "BOOL",
      "data" : [ true, false ]
    }
  ],
  "outputs" : [
    {
      "name" : "output0"
    }
  ]
}`
	documentedBinary = `{
  "model_name" : "mymodel",
  "inputs" : [
    {
      "name" : "input0",
      "shape" : [ 2, 2 ],
      "datatype" : "UINT32",
      "parameters" : {
        "binary_data_size" : 16
      }
    },
    {
      "name" : "input1",
      "shape" : [ 2 ],
      "datatype" : "BOOL",
      "parameters" : {
        "binary_data_size" : 2
      }
    }
  ],
  "outputs" : [
    {
      "name" : "output0",
      "parameters" : {
        "binary_data" : true
      }
    }
  ]
}`
	documentedReply = `{
  "id" : "42",
  "outputs" : [
    {
      "name" : "output0",
      "shape" : [ 3, 2 ],
      "datatype"  : "FP32",
      "data" : [ 1.0, 1.1, 2.0, 2.1, 3.0, 3.1 ]
    }
  ]
}`
	documentedBinaryReply = `{
  "outputs" : [
    {
      "name" : "output0",
      "shape" : [ 3, 2 ],
      "datatype"  : "FP32",
      "parameters" : {
        "binary_data_size" : 24
      }
    }
  ]
}`
)

var (
	documentedInputs = []stage.Tensor{
		stage.Of("input0", []int64{2, 2}, []uint32{1, 2, 3, 4}),
		stage.Of("input1", []int64{2}, []bool{true, false}),
	}
	documentedOutput = stage.Float32("output0", []int64{3, 2}, []float32{1, 1.1, 2, 2.1, 3, 3.1})
)

const documentedData = "\x01\x00\x00\x00\x02\x00\x00\x00\x03\x00\x00\x00\x04\x00\x00\x00" + "\x01\x00"

func TestDocumentedRequests(t *testing.T) {
	for name, c := range map[string]struct {
		body      string
		headerLen int
		want      Request
	}{
		"JSON": {documentedJSON, -1,
			Request{ID: "42", Plain: true, Inputs: documentedInputs, Outputs: []string{"output0"}}},
		"JSON with a header's length": {documentedJSON, len(documentedJSON),
			Request{ID: "42", Plain: true, Inputs: documentedInputs, Outputs: []string{"output0"}}},
		"binary": {documentedBinary + documentedData, len(documentedBinary),
			Request{Plain: true, Inputs: documentedInputs, Outputs: []string{"output0"}, BinaryOutput: true}},
		"nested": {strings.Replace(documentedJSON, "[ 1, 2, 3, 4 ]", "[[1,2], [ 3,4]]", 1), -1,
			Request{ID: "42", Plain: true, Inputs: documentedInputs, Outputs: []string{"output0"}}},
		"all outputs in binary": {`{"parameters":{"binary_data_output":true,"priority":3},"inputs":[{"name":"x","shape":[1],"datatype":"BYTES","data":["a\u00e9"]}]}`, -1,
			Request{Plain: true, Inputs: []stage.Tensor{stage.Strings("x", []int64{1}, []string{"aé"})}, BinaryOutput: true}},
	} {
		got, err := DecodeRequest([]byte(c.body), c.headerLen, Limits{})
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v, %v; want %+v", name, got, err, c.want)
		}
	}
}

func TestDocumentedReplies(t *testing.T) {
	for name, c := range map[string]struct {
		body      string
		headerLen int
	}{
		"JSON":   {documentedReply, -1},
		"binary": {documentedBinaryReply + string(documentedOutput.Data), len(documentedBinaryReply)},
	} {
		got, err := DecodePlainReply([]byte(c.body), c.headerLen, Limits{})
		if err != nil || !reflect.DeepEqual(got, []stage.Tensor{documentedOutput}) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

// What we write, byte for byte: peers of other languages and of later releases rely on it.
func TestWrittenForms(t *testing.T) {
	x := stage.Of("x", []int64{2, 1}, []uint16{1, 258})
	for name, c := range map[string]struct {
		encode func() ([]byte, int, error)
		header string
		data   string
	}{
		"request": {func() ([]byte, int, error) {
			return EncodeRequest(nil, &Request{ID: "7", Fingerprint: "fp", Generation: 1 << 63, Stages: stage.Range{First: 1, Last: 3}, Remaining: 250, Keep: true,
				Exits:  []exit.Policy{exit.MaxProb(0.93).WithTemperature(1.31), exit.Patience(2), exit.Final()},
				States: []exit.State{{Class: 3, Run: 2}, {}}, Inputs: []stage.Tensor{x}})
		}, `{"id":"7","parameters":{"serflow_version":1,"serflow_fingerprint":"fp","serflow_generation":9223372036854775808,` +
			`"serflow_first":1,"serflow_last":3,"serflow_remaining_ns":250,"serflow_keep":true,"serflow_exits":"maxprob 0.93 1.31;patience 2;final","serflow_states":"3:2,0:0"},` +
			`"inputs":[{"name":"x","shape":[2,1],"datatype":"UINT16","parameters":{"binary_data_size":4}}]}`, "\x01\x00\x02\x01"},
		"least request": {func() ([]byte, int, error) {
			return EncodeRequest(nil, &Request{Inputs: []stage.Tensor{x}})
		}, `{"id":"","parameters":{"serflow_version":1,"serflow_fingerprint":"","serflow_generation":0,"serflow_first":0,"serflow_last":0},` +
			`"inputs":[{"name":"x","shape":[2,1],"datatype":"UINT16","parameters":{"binary_data_size":4}}]}`, "\x01\x00\x02\x01"},
		"plain request": {func() ([]byte, int, error) {
			return EncodeRequest(nil, &Request{ID: "\"\\\n\x1fé", Plain: true, Fingerprint: "not sent", Inputs: []stage.Tensor{x}, Outputs: []string{"a", "b"}})
		}, `{"id":"\"\\\u000a\u001fé","parameters":{"binary_data_output":true},` +
			`"inputs":[{"name":"x","shape":[2,1],"datatype":"UINT16","parameters":{"binary_data_size":4}}],"outputs":[{"name":"a"},{"name":"b"}]}`, "\x01\x00\x02\x01"},
		"reply": {func() ([]byte, int, error) {
			return EncodeReply(nil, &Reply{ID: "7", Model: "m", Service: 1500, Load: 2, Parts: []Part{
				{Rows: []int{0, 3}, Exited: true, Stage: 2, Class: []int{7, -1}, Confidence: []float64{0.93, 0}, Outputs: []stage.Tensor{x}},
				{Rows: []int{1, 2}, Stage: 3, States: []exit.State{{Class: 4, Run: 2}, {}}, Outputs: []stage.Tensor{x}},
				{Rows: []int{4, 5}, Stage: 3, Outputs: []stage.Tensor{x}},
			}})
		}, `{"model_name":"m","id":"7","parameters":{"serflow_version":1,"serflow_service_ns":1500,"serflow_load":2,` +
			`"serflow_parts":"exit 2 0:7:0.93,3:-1:0;go 3 1:4:2,2:0:0;go 3 4,5"},` +
			`"outputs":[{"name":"x","shape":[2,1],"datatype":"UINT16","parameters":{"binary_data_size":4,"serflow_part":0}},` +
			`{"name":"x","shape":[2,1],"datatype":"UINT16","parameters":{"binary_data_size":4,"serflow_part":1}},` +
			`{"name":"x","shape":[2,1],"datatype":"UINT16","parameters":{"binary_data_size":4,"serflow_part":2}}]}`,
			"\x01\x00\x02\x01\x01\x00\x02\x01\x01\x00\x02\x01"},
		"plain reply": {func() ([]byte, int, error) {
			return EncodePlainReply(nil, "7", "m", []stage.Tensor{x}, true)
		}, `{"model_name":"m","id":"7","outputs":[{"name":"x","shape":[2,1],"datatype":"UINT16","parameters":{"binary_data_size":4}}]}`, "\x01\x00\x02\x01"},
	} {
		body, n, err := c.encode()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		header, padding := string(body[:min(n, len(c.header))]), string(body[min(n, len(c.header)):n])
		if header != c.header || strings.Trim(padding, " ") != "" || len(padding) > 7 || n%8 != 0 {
			t.Errorf("%s: header of %d bytes with padding %q:\n got %s\nwant %s", name, n, padding, body[:n], c.header)
		}
		if string(body[n:]) != c.data {
			t.Errorf("%s: data % x, want % x", name, body[n:], c.data)
		}
	}
}

func TestWrittenJSON(t *testing.T) {
	outputs := []stage.Tensor{
		stage.Of("b", []int64{2}, []bool{true, false}),
		stage.Of("i8", []int64{2}, []int8{-128, 127}),
		stage.Of("u64", []int64{2}, []uint64{0, 1<<64 - 1}),
		stage.Of("i64", []int64{2}, []int64{-1 << 63, 1}),
		stage.Of("f32", []int64{2, 2}, []float32{1.1, -0.5, 1e-7, 3e38}),
		stage.Of("f64", []int64{2}, []float64{0.1, 1e300}),
		stage.Strings("s", []int64{2}, []string{"", "\"日本\n"}),
		stage.Of("none", []int64{2, 0}, []int32{}),
	}
	const tensors = `[{"name":"b","shape":[2],"datatype":"BOOL","data":[true,false]},` +
		`{"name":"i8","shape":[2],"datatype":"INT8","data":[-128,127]},` +
		`{"name":"u64","shape":[2],"datatype":"UINT64","data":[0,18446744073709551615]},` +
		`{"name":"i64","shape":[2],"datatype":"INT64","data":[-9223372036854775808,1]},` +
		`{"name":"f32","shape":[2,2],"datatype":"FP32","data":[1.1,-0.5,1e-07,3e+38]},` +
		`{"name":"f64","shape":[2],"datatype":"FP64","data":[0.1,1e+300]},` +
		`{"name":"s","shape":[2],"datatype":"BYTES","data":["","\"日本\u000a"]},` +
		`{"name":"none","shape":[2,0],"datatype":"INT32","data":[]}]`
	body, n, err := EncodePlainReply([]byte("before"), "7", "m", outputs, false)
	if want := `before{"model_name":"m","id":"7","outputs":` + tensors + `}`; err != nil || n != -1 || string(body) != want {
		t.Errorf("got %d, %v\n%s\nwant\n%s", n, err, body, want)
	}
	if got, err := DecodePlainReply(body[len("before"):], n, Limits{}); err != nil || !reflect.DeepEqual(got, outputs) {
		t.Errorf("got %+v, %v", got, err)
	}
	r := Request{ID: "7", Plain: true, Inputs: outputs, Outputs: []string{"y"}}
	body, err = EncodeJSONRequest([]byte("before"), &r)
	if want := `before{"id":"7","inputs":` + tensors + `,"outputs":[{"name":"y"}]}`; err != nil || string(body) != want {
		t.Errorf("got %v\n%s\nwant\n%s", err, body, want)
	}
	if got, err := DecodeRequest(body[len("before"):], -1, Limits{}); err != nil || !reflect.DeepEqual(got, r) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestNoJSONForm(t *testing.T) {
	nan := stage.Tensor{Name: "x", DType: stage.FP32, Shape: []int64{1}, Data: []byte{0, 0, 0xc0, 0x7f}}
	inf := stage.Tensor{Name: "x", DType: stage.FP64, Shape: []int64{1}, Data: []byte{0, 0, 0, 0, 0, 0, 0xf0, 0x7f}}
	half := stage.Tensor{Name: "x", DType: stage.FP16, Shape: []int64{1}, Data: []byte{0, 0}}
	text := stage.Strings("x", []int64{2}, []string{"a", "\xff"})
	for _, x := range []stage.Tensor{nan, inf, half, text} {
		body, n, err := EncodePlainReply([]byte("before"), "", "m", []stage.Tensor{x}, false)
		wantError(t, x.DType.String(), err, Invalid, "no JSON form", "binary_data_output")
		if string(body) != "before" || n != 0 {
			t.Errorf("%v: left %q, %d", x.DType, body, n)
		}
		body, err = EncodeJSONRequest([]byte("before"), &Request{Plain: true, Inputs: []stage.Tensor{x}})
		wantError(t, x.DType.String(), err, Invalid, "no JSON form")
		if string(body) != "before" {
			t.Errorf("%v: left %q", x.DType, body)
		}
		if body, n, err = EncodePlainReply(nil, "", "m", []stage.Tensor{x}, true); err != nil {
			t.Errorf("%v in binary: %v", x.DType, err)
		} else if got, err := DecodePlainReply(body, n, Limits{}); err != nil || !reflect.DeepEqual(got, []stage.Tensor{x}) {
			t.Errorf("%v in binary: got %+v, %v", x.DType, got, err)
		}
	}
}

// wantError checks that err is an *Error with the code, whose message has all the texts.
func wantError(t *testing.T, name string, err error, code Code, texts ...string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Errorf("%s: got %v, want an *Error", name, err)
		return
	}
	if e.Code != code {
		t.Errorf("%s: code %q, want %q: %v", name, e.Code, code, e)
	}
	for _, text := range texts {
		if !strings.Contains(e.Message, text) {
			t.Errorf("%s: %q does not say %q", name, e.Message, text)
		}
	}
}
