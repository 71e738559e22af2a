package worker

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/serflow/serflow-go/internal/wire"
	"github.com/serflow/serflow-go/stage"
)

// version is the one version of the model that a worker has.
const version = "1"

func (s *server) describeServer(rw http.ResponseWriter, _ *http.Request) {
	writeJSON(rw, wire.ServerMetadata{Name: "serflow", Version: "1", Extensions: []string{wire.ExtensionBinary, wire.ExtensionStages}})
}

// describeModel says what the whole model takes, and what a client of the bare protocol gets.
func (s *server) describeModel(rw http.ResponseWriter, _ *http.Request) {
	inputs, _, _ := s.stages.Ports(0)
	_, outputs, _ := s.stages.Ports(s.stages.Last())
	outputs = slices.Clip(outputs)
	for _, p := range []stage.Port{{Name: "exit", DType: stage.Int64}, {Name: "class", DType: stage.Int64}, {Name: "confidence", DType: stage.FP64}} {
		p.Shape = []int64{-1}
		outputs = append(outputs, p)
	}
	writeJSON(rw, wire.ModelMetadata{
		Name: s.stages.Model.Name, Versions: []string{version}, Platform: "serflow",
		Inputs: wire.Tensors(inputs), Outputs: wire.Tensors(outputs),
		Parameters: wire.ModelParameters{Version: wire.Version, Fingerprint: s.fingerprint, First: s.setup.Stages.First, Last: s.setup.Stages.Last},
	})
}

func writeJSON(rw http.ResponseWriter, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // plain structs
	}
	rw.Header().Set("Content-Type", "application/json")
	rw.Write(b)
}

const notFound wire.Code = "not_found"
