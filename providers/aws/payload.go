package aws

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
)

// payloadOf is a body as a JSON text of base64. Package json takes longer for a body of a MB than
// the call does.
func payloadOf(body []byte) []byte {
	text := make([]byte, 1, base64.StdEncoding.EncodedLen(len(body))+2)
	text[0] = '"'
	return append(base64.StdEncoding.AppendEncode(text, body), '"')
}

// bodyOf is the inverse of payloadOf. Others may write the same text with escapes.
func bodyOf(payload []byte) ([]byte, error) {
	text := bytes.TrimSpace(payload)
	if n := len(text); n >= 2 && text[0] == '"' && text[n-1] == '"' && bytes.IndexByte(text, '\\') < 0 {
		return base64.StdEncoding.AppendDecode(nil, text[1:n-1])
	}
	var body []byte
	err := json.Unmarshal(payload, &body)
	return body, err
}
