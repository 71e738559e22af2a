package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
)

// run rents and serves until the context is over. With a credential in the environment VMs
// stay for the next start, and otherwise for -teardown: they end by themselves after half an hour.
func (s settings) run(ctx context.Context, out io.Writer) (err error) {
	listener, err := net.Listen("tcp", s.serve)
	if err != nil {
		return err
	}
	defer listener.Close()
	opening, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	vms, functions := s.vms(), s.functions()
	defer vms.Close()
	defer functions.Close()
	p, err := s.open(opening, vms, functions, slog.New(slog.NewTextHandler(out, nil)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	fmt.Fprintf(out, "serving at http://%s\n", listener.Addr())
	h := &http.Server{Handler: handler(p), ReadTimeout: 10 * time.Second}
	stopped := context.AfterFunc(ctx, func() { _ = h.Shutdown(context.WithoutCancel(ctx)) })
	defer stopped()
	if err := h.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// handler answers texts that are posted, and says how it goes.
func handler(p *serflow.Pipeline) http.Handler {
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
