package onlambda

import (
	"bytes"
	"encoding/json"
	"testing"
)

// A payload is what package json would write, and is read like it.
func FuzzPayloads(f *testing.F) {
	f.Add([]byte("abc"), []byte(`"YWJj"`))
	f.Add([]byte{}, []byte(` "\u002F+8=" `))
	f.Add([]byte{255}, []byte(`null`))
	f.Fuzz(func(t *testing.T, body, payload []byte) {
		want, _ := json.Marshal(append([]byte{}, body...))
		if got := Payload(body); !bytes.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
		var theirs []byte
		wrong := json.Unmarshal(payload, &theirs)
		ours, err := Body(payload)
		if wrong == nil && (err != nil || !bytes.Equal(ours, theirs)) {
			t.Errorf("%q: %q, %v; want %q", payload, ours, err, theirs)
		}
	})
}
