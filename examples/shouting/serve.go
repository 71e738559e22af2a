package shouting

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
)

// Handler answers texts that are posted, and says how it goes.
func Handler(p *serflow.Pipeline) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{$}", func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
			return
		}
		answer, err := p.Infer(r.Context(), stage.Strings("text", nil, []string{string(text)}))
		switch {
		case errors.Is(err, serflow.ErrCapacity), errors.Is(err, serflow.ErrDeadline):
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		case err != nil:
			http.Error(w, err.Error(), http.StatusInternalServerError)
		default:
			answerJSON(w, map[string]any{
				"shouting": answer.Class == 1, "exit": Model.Stages[answer.Exit].Name, "confidence": answer.Confidence, "dollars": answer.Dollars, "path": answer.Path,
			})
		}
	})
	mux.HandleFunc("GET /stats", func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, p.Stats()) })
	return mux
}

func answerJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // who has gone away hears nothing
}
