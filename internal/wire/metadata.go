package wire

import (
	"encoding/json"
	"slices"

	"github.com/serflow/serflow-go/stage"
)

// Extensions that a server names in its metadata.
const (
	ExtensionBinary = "binary_tensor_data" // the protocol's binary tensor data extension
	ExtensionStages = "serflow_stages"     // our additions
)

// OutputPrefix begins the names of outputs that a worker adds to a model's in replies of the
// bare protocol: where and how surely each row was answered.
const OutputPrefix = "serflow_"

// ServerMetadata answers GET /v2.
type ServerMetadata struct {
	Name       string   `json:"name"`
	Version    string   `json:"version"`
	Extensions []string `json:"extensions"`
}

// Has tells whether the server names the extension.
func (m ServerMetadata) Has(extension string) bool { return slices.Contains(m.Extensions, extension) }

// ModelMetadata answers GET /v2/models/{model}.
type ModelMetadata struct {
	Name       string           `json:"name"`
	Versions   []string         `json:"versions,omitempty"`
	Platform   string           `json:"platform"`
	Inputs     []TensorMetadata `json:"inputs"`
	Outputs    []TensorMetadata `json:"outputs"`
	Parameters ModelParameters  `json:"parameters,omitzero"`
}

// ModelParameters are our additions to a model's metadata. Their zero value,
// which has no Version, is that of a server without them.
type ModelParameters struct {
	Version     int    `json:"serflow_version"`
	Fingerprint string `json:"serflow_fingerprint"`
	First       int    `json:"serflow_first"` // of the stages that are served
	Last        int    `json:"serflow_last"`
	Generation  uint64 `json:"serflow_generation,omitempty"` // of the plan that says so
	Peak        int64  `json:"serflow_peak_bytes,omitempty"` // of memory that the worker's process has used; 0 if unknown
}

// Stages is the range that is served.
func (p ModelParameters) Stages() stage.Range { return stage.Range{First: p.First, Last: p.Last} }

// TensorMetadata is an input or output. A dimension of -1 may be anything.
type TensorMetadata struct {
	Name     string  `json:"name"`
	DataType string  `json:"datatype"`
	Shape    []int64 `json:"shape"`
}

// Tensors describes ports as metadata does.
func Tensors(ports []stage.Port) []TensorMetadata {
	tensors := make([]TensorMetadata, len(ports)) // not nil: the protocol wants [], not null
	for i, p := range ports {
		tensors[i] = TensorMetadata{p.Name, p.DType.String(), append([]int64{}, p.Shape...)}
	}
	return tensors
}

// Ports is the reverse of Tensors.
func Ports(tensors []TensorMetadata) ([]stage.Port, error) {
	ports := make([]stage.Port, len(tensors))
	for i, t := range tensors {
		dtype, err := stage.ParseDType(t.DataType)
		if err != nil {
			return nil, invalid("metadata of tensor %q: %v", excerpt([]byte(t.Name), 60), err)
		}
		ports[i] = stage.Port{Name: t.Name, DType: dtype, Shape: t.Shape}
	}
	return ports, nil
}

// DecodeServerMetadata reads any server's metadata. The caller limits the body.
func DecodeServerMetadata(body []byte) (ServerMetadata, error) {
	var m ServerMetadata
	if err := json.Unmarshal(body, &m); err != nil {
		return ServerMetadata{}, notMetadata("server", body, err)
	}
	return m, nil
}

// DecodeModelMetadata reads any server's metadata of a model. The caller limits
// the body. Our additions are there if Parameters.Version is not 0; another version
// than ours is an error with code "version".
func DecodeModelMetadata(body []byte) (ModelMetadata, error) {
	var m ModelMetadata
	err := json.Unmarshal(body, &m)
	p := m.Parameters
	if p.Version != 0 && p.Version != Version {
		return ModelMetadata{}, otherVersion("model metadata", p.Version)
	}
	if err != nil {
		return ModelMetadata{}, notMetadata("model", body, err)
	}
	if p.Version == 0 {
		m.Parameters = ModelParameters{}
		return m, nil
	}
	if err := checkStages(p.Stages()); err != nil {
		return ModelMetadata{}, err
	}
	return m, nil
}

func notMetadata(of string, body []byte, err error) error {
	return invalid("not the metadata of a %s: %v; it begins %q: is this an Open Inference Protocol V2 server?", of, readable(err), excerpt(body, 100))
}
