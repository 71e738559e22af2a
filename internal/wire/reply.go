package wire

import (
	"errors"
	"slices"
	"time"

	"github.com/serflow/serflow-go/stage"
)

// EncodeReply appends the message of a reply and returns dst with it and the
// length of its JSON header.
func EncodeReply(dst []byte, r *Reply) (body []byte, headerLen int, err error) {
	if err := r.check(); err != nil {
		return dst, 0, err
	}
	for i := range r.Parts {
		dst = grow(dst, r.Parts[i].Outputs, 64*len(r.Parts[i].Rows))
	}
	start := len(dst)
	dst = appendText(dst, `{"model_name":`, r.Model)
	dst = appendText(dst, `,"id":`, r.ID)
	dst = appendField(dst, `,"parameters":{"serflow_version":1,"serflow_service_ns":`, int64(r.Service))
	if len(r.Times) > 0 {
		dst = append(appendTimes(append(dst, `,"serflow_stage_ns":"`...), r.Times), '"')
	}
	dst = appendField(dst, `,"serflow_load":`, int64(r.Load))
	dst = append(appendParts(append(dst, `,"serflow_parts":"`...), r.Parts), '"')
	if anySeen(r.Seen) {
		dst = append(appendSeen(append(dst, `,"serflow_seen":"`...), r.Seen), '"')
	}
	dst = append(dst, `},"outputs":[`...)
	separator := ""
	for i := range r.Parts {
		for _, t := range r.Parts[i].Outputs {
			dst = appendTensor(append(dst, separator...), t)
			dst = appendField(dst, `,"parameters":{"binary_data_size":`, int64(len(t.Data)))
			dst = append(appendField(dst, `,"serflow_part":`, int64(i)), `}}`...)
			separator = ","
		}
	}
	dst = appendPadding(append(dst, `]}`...), start)
	headerLen = len(dst) - start
	for i := range r.Parts {
		dst = appendData(dst, r.Parts[i].Outputs)
	}
	return dst, headerLen, nil
}

// check finds what a reply may not be, as far as that can be told without the request.
func (r *Reply) check() error {
	n := 0
	for i := range r.Parts {
		n += len(r.Parts[i].Rows)
		if err := checkNames(r.Parts[i].Outputs); err != nil {
			return err
		}
	}
	if n == 0 {
		return invalid("a reply of no rows: each row of the request must be in a part")
	}
	if r.Service < 0 || r.Load < 0 || len(r.Times) > 0 && slices.Min(r.Times) < 0 {
		return invalid("service %v, times %v and load %d must not be negative", r.Service, r.Times, r.Load)
	}
	if err := checkUTF8("ID or model", r.ID, r.Model); err != nil {
		return err
	}
	if err := checkParts(r.Parts, n, stage.Range{First: 0, Last: maxStage}); err != nil {
		return err
	}
	return checkSeen(r.Seen, n)
}

// DecodeReply reads a worker's reply to a request of so many rows for these
// stages. Its outputs share the memory of body. Errors have code "version" if it
// is of another version, else "internal": whatever is wrong, it is not the request.
func DecodeReply(body []byte, headerLen, rows int, stages stage.Range, l Limits) (Reply, error) {
	r, _, err := decodeReply(body, headerLen, rows, stages, l)
	return r, err
}

// DecodeAnswer is DecodeReply for carriers that have no status beside the
// message: there an answer may also be what EncodeError wrote, which is returned
// as the refusal.
func DecodeAnswer(body []byte, headerLen, rows int, stages stage.Range, l Limits) (r Reply, refusal *Error, err error) {
	r, h, err := decodeReply(body, headerLen, rows, stages, l)
	if len(h.Error) > 0 && string(h.Error) != "null" {
		text, _, _ := split(body, headerLen, len(body))
		return Reply{}, DecodeError(Internal.Status(), text), nil
	}
	return r, nil, err
}

func decodeReply(body []byte, headerLen, rows int, stages stage.Range, l Limits) (Reply, header, error) {
	l = l.withDefaults()
	h, data, err := parseReply(body, headerLen, rows, stages, l)
	if err != nil {
		return Reply{}, h, ofReply(err)
	}
	r, err := h.reply(data, rows, l)
	if err == nil {
		r.Times, err = parseTimes(h.Parameters.Times, stages.Len())
	}
	if err == nil {
		err = checkParts(r.Parts, rows, stages)
	}
	if err == nil {
		err = checkInputs(r.Parts, stages.First)
	}
	if err == nil {
		r.Seen, err = parseSeen(h.Parameters.Seen, rows, stages.Len())
	}
	if err == nil {
		err = checkRan(r.Seen, r.Parts, stages.First)
	}
	if err != nil {
		return Reply{}, h, ofReply(err)
	}
	return r, h, nil
}

// parseReply reads the header, and refuses one that is not of our reply.
func parseReply(body []byte, headerLen, rows int, stages stage.Range, l Limits) (header, []byte, error) {
	if rows < 1 || checkStages(stages) != nil {
		return header{}, nil, invalid("read as the answer to %d rows of stages %d to %d: such a request is never sent", rows, stages.First, stages.Last)
	}
	text, data, err := split(body, headerLen, l.Header+256*rows)
	if err != nil {
		return header{}, nil, err
	}
	tensors := l.Tensors + 4*rows
	h, ok := canonicalReply(string(text), tensors)
	if !ok {
		h, err = parseHeader(text, tensors)
	}
	if err := checkVersion("a reply", h.Parameters.Version); err != nil {
		return h, nil, err
	}
	if err == nil && h.Parameters.Version == nil {
		err = invalid("it has none of serflow's additions: is this a worker of serflow's?")
	}
	return h, data, err
}

func (h *header) reply(data []byte, rows int, l Limits) (Reply, error) {
	p := &h.Parameters
	r := Reply{ID: h.ID, Model: h.Model, Service: time.Duration(p.Service), Load: p.Load}
	if r.Service < 0 || r.Load < 0 {
		return r, invalid("service %v and load %d must not be negative", r.Service, r.Load)
	}
	err := l.text("an ID", h.ID)
	if err == nil {
		err = l.text("a model's name", h.Model)
	}
	if err != nil {
		return r, err
	}
	if r.Parts, err = parseParts(p.Parts, rows); err != nil {
		return r, err
	}
	outputs, err := l.tensors("output", h.Outputs.list, data)
	if err != nil {
		return r, err
	}
	return r, share(outputs, h.Outputs.list, r.Parts)
}

// share gives each part its outputs, which come in the order of the parts.
func share(outputs []stage.Tensor, headers []tensorHeader, parts []Part) error {
	for begin := 0; begin < len(outputs); {
		part := headers[begin].Parameters.Part
		if part < 0 || part >= len(parts) {
			return invalid("output %q has serflow_part %d; there are %d parts, counted from 0", outputs[begin].Name, part, len(parts))
		}
		if parts[part].Outputs != nil {
			return invalid("output %q of part %d comes after another part's: order outputs by part", outputs[begin].Name, part)
		}
		end := begin + 1
		for end < len(outputs) && headers[end].Parameters.Part == part {
			end++
		}
		parts[part].Outputs = outputs[begin:end:end]
		begin = end
	}
	return nil
}

// ofReply says that an error is about a reply, for which the request cannot be blamed.
func ofReply(err error) error {
	message := err.Error()
	var e *Error
	if errors.As(err, &e) {
		if e.Code == BadVersion {
			return e
		}
		message = e.Message
	}
	return &Error{Internal, "a reply that cannot be used: " + message}
}
