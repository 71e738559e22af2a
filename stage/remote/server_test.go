package remote_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
)

// independent is an Open Inference Protocol server that shares no code with ours: it was
// written from the protocol's text, with encoding/json alone. It serves the stages of votes
// as three models.
type independent struct {
	binary bool // it has the binary tensor data extension
	calls  int
}

type oipTensor struct {
	Name       string         `json:"name"`
	Shape      []int          `json:"shape"`
	DataType   string         `json:"datatype"`
	Parameters map[string]any `json:"parameters,omitempty"`
	Data       []float32      `json:"data,omitempty"`
}

func (s *independent) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	extensions := []string{"model_repository"}
	if s.binary {
		extensions = append(extensions, "binary_tensor_data")
	}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case r.URL.Path == "/v2":
		json.NewEncoder(rw).Encode(map[string]any{"name": "independent", "version": "7", "extensions": extensions})
	case len(parts) < 3 || !strings.HasPrefix(parts[2], "votes"):
		rw.WriteHeader(http.StatusNotFound)
		io.WriteString(rw, `{"error":"Request for unknown model"}`)
	case len(parts) == 4 && parts[3] == "ready":
	case len(parts) == 3:
		json.NewEncoder(rw).Encode(map[string]any{
			"name": parts[2], "versions": []string{"1"}, "platform": "pencil",
			"inputs":  []any{map[string]any{"name": "x", "datatype": "FP32", "shape": []int{-1, 4}}},
			"outputs": []any{map[string]any{"name": "x", "datatype": "FP32", "shape": []int{-1, 4}}, map[string]any{"name": "logits", "datatype": "FP32", "shape": []int{-1, 3}}},
		})
	default:
		k, _ := strconv.Atoi(strings.TrimPrefix(parts[2], "votes"))
		if err := s.infer(rw, r, k); err != nil {
			rw.WriteHeader(http.StatusBadRequest)
			json.NewEncoder(rw).Encode(map[string]string{"error": err.Error()})
		}
	}
}

func (s *independent) infer(rw http.ResponseWriter, r *http.Request, k int) error {
	s.calls++
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	text, rest := body, []byte(nil)
	if length := r.Header.Get("Inference-Header-Content-Length"); length != "" {
		n, err := strconv.Atoi(length)
		if err != nil || !s.binary {
			return fmt.Errorf("a binary request, %v", err)
		}
		text, rest = body[:n], body[n:]
	}
	var request struct {
		ID         string         `json:"id"`
		Parameters map[string]any `json:"parameters"`
		Inputs     []oipTensor    `json:"inputs"`
	}
	if err := json.Unmarshal(text, &request); err != nil {
		return err
	}
	x := request.Inputs[0]
	if size, ok := x.Parameters["binary_data_size"].(float64); ok {
		for ; size > 0; size -= 4 {
			x.Data = append(x.Data, math.Float32frombits(binary.LittleEndian.Uint32(rest)))
			rest = rest[4:]
		}
	}
	if len(request.Inputs) != 1 || x.Name != "x" || x.DataType != "FP32" || len(x.Shape) != 2 || x.Shape[1] != 4 || len(x.Data) != 4*x.Shape[0] || len(rest) > 0 {
		return fmt.Errorf("unexpected inputs %+v", request.Inputs)
	}
	logits := oipTensor{Name: "logits", Shape: []int{x.Shape[0], 3}, DataType: "FP32", Data: make([]float32, 3*x.Shape[0])}
	for i := range x.Shape[0] {
		at := 3*i + int(x.Data[4*i+k])
		if logits.Data[at] = 0.3; int(x.Data[4*i+3]) <= k {
			logits.Data[at] = 10
		}
	}
	x.Parameters = nil
	outputs := []oipTensor{x, logits}
	var data []byte
	if request.Parameters["binary_data_output"] == true {
		for i := range outputs {
			for _, v := range outputs[i].Data {
				data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
			}
			outputs[i].Parameters = map[string]any{"binary_data_size": 4 * len(outputs[i].Data)}
			outputs[i].Data = nil
		}
	}
	header, err := json.Marshal(map[string]any{"model_name": "votes", "model_version": "1", "id": request.ID, "outputs": outputs})
	if err != nil {
		return err
	}
	if data != nil {
		rw.Header().Set("Inference-Header-Content-Length", strconv.Itoa(len(header)))
	}
	_, err = rw.Write(append(header, data...))
	return err
}

func serve(t testing.TB, h http.Handler) (url string) {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}
