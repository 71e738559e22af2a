package remote

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"

	"github.com/serflow/serflow-go/internal/wire"
	"github.com/serflow/serflow-go/stage"
)

// StageOption changes how a remote stage is called.
type StageOption func(*source)

// Credential is sent with every call, as Authorization: Bearer.
func Credential(c string) StageOption { return func(s *source) { s.credential = c } }

// Transport makes the calls.
func Transport(t http.RoundTripper) StageOption { return func(s *source) { s.transport = t } }

// Version stands for what the server's model computes, in the fingerprint of ours: change it when the server's changes.
func Version(v string) StageOption { return func(s *source) { s.version = v } }

// Stage is a stage that a server of the Open Inference Protocol V2 computes, such as Triton:
// the model of that name at a URL. Each run of the stage is one call. The server's model
// must return its exit's logits, and the activations that the next stage takes; the exit is
// evaluated here.
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
	if _, err := r.get(ctx, "/v2/models/"+s.model+"/ready"); err != nil {
		return nil, err
	}
	body, err := r.get(ctx, "/v2")
	if err != nil {
		return nil, err
	}
	server, err := wire.DecodeServerMetadata(body)
	if err != nil {
		return nil, garbled(err)
	}
	r.binary = server.Has(wire.ExtensionBinary)
	m, err := r.metadata(ctx, s.model)
	if err != nil {
		return nil, err
	}
	if r.inputs, err = wire.Ports(m.Inputs); err != nil {
		return nil, garbled(err)
	}
	if r.outputs, err = wire.Ports(m.Outputs); err != nil {
		return nil, garbled(err)
	}
	return r, nil
}

func (c *client) metadata(ctx context.Context, model string) (m wire.ModelMetadata, err error) {
	body, err := c.get(ctx, "/v2/models/"+model)
	if err != nil {
		return m, err
	}
	if m, err = wire.DecodeModelMetadata(body); err != nil {
		return m, classify(err)
	}
	return m, nil
}

// runner computes a stage on a server.
type runner struct {
	client
	model           string
	binary          bool // the server takes and gives tensors in binary
	inputs, outputs []stage.Port
}

// Ports are what the server's metadata says.
func (r *runner) Ports() (inputs, outputs []stage.Port) { return r.inputs, r.outputs }

func (r *runner) Close() error { return nil }

func (r *runner) Run(ctx context.Context, rows int, in []stage.Tensor) ([]stage.Tensor, error) {
	body, headerLength, err := wire.EncodeRequest(nil, &wire.Request{Plain: true, Inputs: in})
	if err != nil {
		return nil, classify(err)
	}
	answer, headerLength, err := r.post(ctx, "/v2/models/"+r.model+"/infer", body, headerLength)
	if err != nil {
		return nil, err
	}
	out, err := wire.DecodePlainReply(answer, headerLength, wire.Limits{})
	if err != nil {
		return nil, garbled(err)
	}
	return out, nil
}
