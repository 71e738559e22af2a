package worker

import (
	"encoding/json"
	"slices"

	"github.com/serflow/serflow-go/internal/wire"
)

func describeServer() []byte {
	return toJSON(wire.ServerMetadata{Name: "serflow", Version: "1", Extensions: []string{wire.ExtensionBinary, wire.ExtensionStages}})
}

// describeModel says what the whole model takes, and what a client of the bare protocol gets.
// Of stages that do not know what they take or give it says nothing.
func (s *server) describeModel() []byte {
	setup := s.setup.Load()
	inputs, _, _ := s.stages.Ports(0)
	_, outputs, ok := s.stages.Ports(s.stages.Last())
	if ok {
		outputs = slices.Concat(outputs, ours)
	}
	return toJSON(wire.ModelMetadata{
		Name: s.stages.Model.Name, Versions: []string{version}, Platform: "serflow",
		Inputs: wire.Tensors(inputs), Outputs: wire.Tensors(outputs),
		Parameters: wire.ModelParameters{Version: wire.Version, Fingerprint: s.fingerprint, First: setup.Stages.First, Last: setup.Stages.Last, Generation: setup.Generation, Peak: s.peak()},
	})
}

func toJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // plain structs
	}
	return b
}
