package wire

import "github.com/serflow/serflow-go/stage"

// EncodePlainReply appends a reply of the bare protocol. headerLen is -1 if it is
// not binary: all JSON, without the header HeaderLength.
func EncodePlainReply(dst []byte, id, model string, outputs []stage.Tensor, binary bool) (body []byte, headerLen int, err error) {
	if err := checkPlainReply(id, model, outputs); err != nil {
		return dst, 0, err
	}
	body = grow(dst, outputs, 0)
	start := len(body)
	body = appendText(body, `{"model_name":`, model)
	if id != "" {
		body = appendText(body, `,"id":`, id)
	}
	body = append(body, `,"outputs":`...)
	if !binary {
		if body, err = appendJSONTensors(body, outputs); err != nil {
			return dst, 0, err
		}
		return append(body, '}'), -1, nil
	}
	body = appendPadding(append(appendBinaryTensors(body, outputs), '}'), start)
	headerLen = len(body) - start
	return appendData(body, outputs), headerLen, nil
}

func checkPlainReply(id, model string, outputs []stage.Tensor) error {
	if err := checkUTF8("ID or model", id, model); err != nil {
		return err
	}
	if err := checkNames(outputs); err != nil {
		return err
	}
	_, err := rows("output", outputs)
	return err
}

// DecodePlainReply reads any server's reply. The outputs share the memory of body
// if they came in binary, and all have the same number of rows, which the caller
// compares with that of the request. Errors have code "internal".
func DecodePlainReply(body []byte, headerLen int, l Limits) (outputs []stage.Tensor, err error) {
	l = l.withDefaults()
	text, data, err := split(body, headerLen, l.Header)
	if err != nil {
		return nil, ofReply(err)
	}
	h, err := parseHeader(text, l.Tensors)
	if err != nil {
		return nil, ofReply(err)
	}
	if outputs, err = l.tensors("output", h.Outputs.list, data); err != nil {
		return nil, ofReply(err)
	}
	if _, err := rows("output", outputs); err != nil {
		return nil, ofReply(err)
	}
	return outputs, nil
}
