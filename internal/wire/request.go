package wire

import (
	"strconv"
	"time"

	"github.com/serflow/serflow-go/stage"
)

// EncodeRequest appends the message of a request, its tensors in binary, and
// returns dst with it and the length of its JSON header. Of a plain request the
// outputs are asked for in binary too; for servers without the binary extension
// there is EncodeJSONRequest.
func EncodeRequest(dst []byte, r *Request) (body []byte, headerLen int, err error) {
	if err := r.check(); err != nil {
		return dst, 0, err
	}
	dst = grow(dst, r.Inputs, 24*len(r.States))
	start := len(dst)
	dst = appendText(dst, `{"id":`, r.ID)
	if r.Plain {
		dst = append(dst, `,"parameters":{"binary_data_output":true`...)
	} else {
		dst = appendAdditions(dst, r)
	}
	dst = append(dst, `},"inputs":`...)
	dst = appendBinaryTensors(dst, r.Inputs)
	dst = appendWanted(dst, r.Outputs)
	dst = appendPadding(append(dst, '}'), start)
	headerLen = len(dst) - start
	return appendData(dst, r.Inputs), headerLen, nil
}

// EncodeJSONRequest appends a plain request that is all JSON, and asks for a
// reply that is. FP16, BF16 and what is not a finite number have no such form.
func EncodeJSONRequest(dst []byte, r *Request) ([]byte, error) {
	if !r.Plain {
		return dst, invalid("our additions to a request of JSON data: use EncodeRequest")
	}
	if err := r.check(); err != nil {
		return dst, err
	}
	body := append(appendText(dst, `{"id":`, r.ID), `,"inputs":`...)
	body, err := appendJSONTensors(body, r.Inputs)
	if err != nil {
		return dst, err
	}
	return append(appendWanted(body, r.Outputs), '}'), nil
}

// appendAdditions appends all but the closing brace of our parameters.
func appendAdditions(dst []byte, r *Request) []byte {
	dst = appendText(dst, `,"parameters":{"serflow_version":1,"serflow_fingerprint":`, r.Fingerprint)
	dst = strconv.AppendUint(append(dst, `,"serflow_generation":`...), r.Generation, 10)
	dst = appendField(dst, `,"serflow_first":`, int64(r.Stages.First))
	dst = appendField(dst, `,"serflow_last":`, int64(r.Stages.Last))
	if r.Remaining > 0 {
		dst = appendField(dst, `,"serflow_remaining_ns":`, int64(r.Remaining))
	}
	if r.Keep {
		dst = append(dst, `,"serflow_keep":true`...)
	}
	if len(r.Exits) > 0 {
		dst = append(appendExits(append(dst, `,"serflow_exits":"`...), r.Exits), '"')
	}
	if len(r.Asked) > 0 {
		dst = append(appendExits(append(dst, `,"serflow_asked":"`...), r.Asked), '"')
	}
	if r.Idle {
		dst = append(dst, `,"serflow_idle":true`...)
	}
	if len(r.States) > 0 {
		dst = append(appendStates(append(dst, `,"serflow_states":"`...), r.States), '"')
	}
	return dst
}

// appendWanted appends the wish for outputs.
func appendWanted(dst []byte, names []string) []byte {
	if len(names) == 0 {
		return dst
	}
	dst = append(dst, `,"outputs":[`...)
	for i, name := range names {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendText(dst, `{"name":`, name), '}')
	}
	return append(dst, ']')
}

// DecodeRequest reads a request, ours or any of the protocol, whose inputs share
// the memory of body. headerLen is -1 if the body is all JSON. Errors have code
// "invalid", "too_large" or, if it is of another version, "version".
func DecodeRequest(body []byte, headerLen int, l Limits) (Request, error) {
	l = l.withDefaults()
	text, data, err := split(body, headerLen, l.Header)
	if err != nil {
		return Request{}, err
	}
	h, ok := header{}, false
	if headerLen >= 0 {
		h, ok = canonicalRequest(string(text), l)
	}
	if !ok {
		h, err = parseHeader(text, l.Tensors)
	}
	if err := checkVersion("a request", h.Parameters.Version); err != nil {
		return Request{}, err
	}
	if err != nil {
		return Request{}, err
	}
	r, err := h.request(data, l)
	if err == nil {
		err = r.check()
	}
	if err != nil {
		return Request{}, err
	}
	return r, nil
}

func (h *header) request(data []byte, l Limits) (Request, error) {
	p := &h.Parameters
	r := Request{ID: h.ID, Plain: p.Version == nil}
	if err := l.text("an ID", h.ID); err != nil {
		return r, err
	}
	if err := l.text("a fingerprint", p.Fingerprint); err != nil {
		return r, err
	}
	var err error
	if r.Inputs, err = l.tensors("input", h.Inputs.list, data); err != nil {
		return r, err
	}
	if r.Plain {
		r.BinaryOutput = p.BinaryOutput
		return r, h.wanted(&r, l)
	}
	r.Fingerprint, r.Generation = p.Fingerprint, p.Generation
	r.Stages = stage.Range{First: p.First, Last: p.Last}
	r.Remaining, r.Keep, r.Idle = time.Duration(p.Remaining), p.Keep, p.Idle
	if err := checkStages(r.Stages); err != nil {
		return r, err
	}
	if p.Exits != "" {
		if r.Exits, err = parseExits("serflow_exits", p.Exits, r.Stages.Len()); err != nil {
			return r, err
		}
	}
	if p.Asked != "" {
		if r.Asked, err = parseExits("serflow_asked", p.Asked, r.Stages.Len()); err != nil {
			return r, err
		}
	}
	if p.States != "" {
		r.States, err = parseStates(p.States, r.Rows())
	}
	return r, err
}

// wanted reads which outputs a plain request asks for.
func (h *header) wanted(r *Request, l Limits) error {
	for i := range h.Outputs.list {
		o := &h.Outputs.list[i]
		if err := l.name("output", o.Name); err != nil {
			return err
		}
		r.Outputs = append(r.Outputs, o.Name)
		r.BinaryOutput = r.BinaryOutput || o.Parameters.Binary
	}
	return nil
}
