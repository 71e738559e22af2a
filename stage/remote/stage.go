package remote

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/serflow/serflow-go/internal/wire"
	"github.com/serflow/serflow-go/stage"
)

// StageOption changes how a remote stage is called.
type StageOption func(*source)

// Credential is sent with every call, as Authorization: Bearer.
func Credential(c string) StageOption { return func(s *source) { s.credential = c } }

// Transport makes the calls. Without it they share connections with all other clients of
// this package.
func Transport(t http.RoundTripper) StageOption { return func(s *source) { s.transport = t } }

// Version stands for what the server's model computes, in the fingerprint of ours: change
// it when the server's changes.
func Version(v string) StageOption { return func(s *source) { s.version = v } }

// Stage is a stage that a server of the Open Inference Protocol V2 computes, such as Triton:
// the model of that name at a URL, or at host:port. Each run of the stage is one call, in
// binary if the server names the extension, and else in JSON. The server's model must return
// its exit's logits, and the activations that the next stage takes; the exit is evaluated here.
//
// Errors of Open and Run wrap one of the sentinels of this package, stage.ErrInput or
// stage.ErrFailed, or are the context's.
func Stage(url, model string, options ...StageOption) stage.Source {
	s := &source{url: url, model: model}
	for _, o := range options {
		if o != nil {
			o(s)
		}
	}
	return s
}

type source struct {
	url, model, credential, version string
	transport                       http.RoundTripper
}

func (s *source) Fingerprint() (string, error) {
	sum := sha256.Sum256(fmt.Appendf(nil, "oip %q %q", s.model, s.version))
	return hex.EncodeToString(sum[:]), nil
}

// Open asks the server whether it is ready and what its model takes and gives.
func (s *source) Open(ctx context.Context) (stage.Runner, error) {
	r := &runner{client: newClient(s.url, s.credential, s.transport), model: s.model}
	if err := r.ask(ctx); err != nil {
		return nil, fmt.Errorf("model %q at %s: %w", s.model, r.name, err)
	}
	if len(r.inputs) > 0 && len(r.outputs) > 0 {
		return describer{r}, nil
	}
	return r, nil
}

// runner computes a stage on a server.
type runner struct {
	client
	model           string
	infer           *url.URL
	binary          bool // the server takes and gives tensors in binary
	inputs, outputs []stage.Port
}

func (r *runner) ask(ctx context.Context) error {
	body, err := r.get(ctx, "v2")
	if err != nil {
		return err
	}
	server, err := wire.DecodeServerMetadata(body)
	if err != nil {
		return garbled(err)
	}
	r.binary = server.Has(wire.ExtensionBinary)
	if _, err := r.get(ctx, "v2", "models", r.model, "ready"); err != nil {
		return err
	}
	m, err := r.metadata(ctx, r.model)
	if err != nil {
		return err
	}
	if r.inputs, err = wire.Ports(m.Inputs); err != nil {
		return garbled(err)
	}
	if r.outputs, err = wire.Ports(m.Outputs); err != nil {
		return garbled(err)
	}
	r.outputs = slices.DeleteFunc(r.outputs, func(p stage.Port) bool { return added(p.Name) })
	r.infer = r.url("v2", "models", r.model, "infer")
	return nil
}

func (c *client) metadata(ctx context.Context, model string) (m wire.ModelMetadata, err error) {
	body, err := c.get(ctx, "v2", "models", model)
	if err != nil {
		return m, err
	}
	if m, err = wire.DecodeModelMetadata(body); err != nil {
		return m, garbled(err)
	}
	return m, nil
}

// added tells whether an output is none of the model's.
func added(name string) bool { return strings.HasPrefix(name, wire.OutputPrefix) }

// describer is a runner whose server says what the model takes and gives.
type describer struct{ *runner }

// Ports are what the server's metadata says.
func (d describer) Ports() (inputs, outputs []stage.Port) { return d.inputs, d.outputs }

func (r *runner) Close() error { return nil }

func (r *runner) Run(ctx context.Context, rows int, in []stage.Tensor) ([]stage.Tensor, error) {
	body, headerLength, err := r.encode(&wire.Request{Plain: true, Inputs: in})
	if err != nil {
		return nil, classify(err)
	}
	answer, headerLength, err := r.post(ctx, r.infer, body, headerLength)
	if err != nil {
		return nil, err
	}
	out, err := wire.DecodePlainReply(answer, headerLength, wire.Limits{})
	if err != nil {
		return nil, garbled(err)
	}
	if n := out[0].Shape[0]; n != int64(rows) {
		return nil, fmt.Errorf("%w: it has %d rows for %d", ErrProtocol, n, rows)
	}
	return slices.DeleteFunc(out, func(t stage.Tensor) bool { return added(t.Name) }), nil
}

func (r *runner) encode(request *wire.Request) (body []byte, headerLength int, err error) {
	if r.binary {
		return wire.EncodeRequest(nil, request)
	}
	body, err = wire.EncodeJSONRequest(nil, request)
	return body, -1, err
}
