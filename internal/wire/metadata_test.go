package wire

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/serflow/serflow-go/stage"
)

func TestServerMetadata(t *testing.T) {
	want := ServerMetadata{Name: "serflow", Version: "0.1", Extensions: []string{ExtensionBinary, ExtensionStages}}
	text, err := json.Marshal(want)
	if err != nil || string(text) != `{"name":"serflow","version":"0.1","extensions":["binary_tensor_data","serflow_stages"]}` {
		t.Errorf("%s, %v", text, err)
	}
	got, err := DecodeServerMetadata(text)
	if err != nil || !reflect.DeepEqual(got, want) || !got.Has(ExtensionStages) || got.Has("other") {
		t.Errorf("%+v, %v", got, err)
	}
	_, err = DecodeServerMetadata([]byte("<html>"))
	wantError(t, "no JSON", err, Invalid, "not the metadata of a server", "<html>", "is this an Open Inference Protocol V2 server")
}

func TestModelMetadata(t *testing.T) {
	ports := []stage.Port{{Name: "x", DType: stage.FP32, Shape: []int64{-1, 28, 28}}}
	want := ModelMetadata{Name: "fashion", Platform: "serflow", Inputs: Tensors(ports), Outputs: Tensors(nil),
		Parameters: ModelParameters{Version: Version, Fingerprint: "fp", First: 0, Last: 4}}
	text, err := json.Marshal(want)
	if err != nil || string(text) != `{"name":"fashion","platform":"serflow","inputs":[{"name":"x","datatype":"FP32","shape":[-1,28,28]}],"outputs":[],`+
		`"parameters":{"serflow_version":1,"serflow_fingerprint":"fp","serflow_first":0,"serflow_last":4}}` {
		t.Errorf("%s, %v", text, err)
	}
	got, err := DecodeModelMetadata(text)
	if err != nil || !reflect.DeepEqual(got, want) || got.Parameters.Stages() != (stage.Range{First: 0, Last: 4}) {
		t.Errorf("%+v, %v", got, err)
	}
	if back, err := Ports(got.Inputs); err != nil || !reflect.DeepEqual(back, ports) {
		t.Errorf("%+v, %v", back, err)
	}
}

// Triton's form, and parameters of others: there is nothing of ours.
func TestModelMetadataOfOthers(t *testing.T) {
	got, err := DecodeModelMetadata([]byte(`{"name":"m","versions":["1"],"platform":"onnxruntime_onnx",` +
		`"inputs":[{"name":"x","datatype":"BYTES","shape":[-1]}],"outputs":[],"parameters":{"content_type":"np","serflow_last":3}}`))
	want := ModelMetadata{Name: "m", Versions: []string{"1"}, Platform: "onnxruntime_onnx",
		Inputs: []TensorMetadata{{"x", "BYTES", []int64{-1}}}, Outputs: []TensorMetadata{}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	if text, err := json.Marshal(got); err != nil || strings.Contains(string(text), "serflow") {
		t.Errorf("%s, %v", text, err)
	}
	for body, texts := range map[string][]string{
		"<html>":                   {"not the metadata of a model", "<html>"},
		`{"name":7}`:               {"name is a number where string is wanted"},
		`{"inputs":[{"shape":1}]}`: {"shape is a number where array is wanted"},
		`{"parameters":{"serflow_version":1,"serflow_first":2,"serflow_last":1}}`: {"stages 2 to 1"},
	} {
		_, err := DecodeModelMetadata([]byte(body))
		wantError(t, body, err, Invalid, texts...)
	}
	_, err = DecodeModelMetadata([]byte(`{"parameters":{"serflow_version":2,"serflow_first":"one"}}`))
	wantError(t, "version", err, BadVersion, "model metadata of version 2", "speaks version 1")
	_, err = Ports([]TensorMetadata{{"x", "FLOAT", nil}})
	wantError(t, "type", err, Invalid, `tensor "x"`, `unknown data type "FLOAT"`)
}
