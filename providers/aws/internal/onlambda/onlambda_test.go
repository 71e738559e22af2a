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
	f.Add([]byte("x"), Payload(bytes.Repeat([]byte{0, 1, 255, 'a', '"'}, 1000)))
	all := make([]byte, 3<<16)
	for i := range all {
		all[i] = byte(i/3>>(i%3*8)) ^ byte(i)
	}
	for _, n := range []int{7, 8, 9, 10, 14, len(all)} {
		f.Add(all[len(all)-n:], []byte(`""`))
	}
	f.Fuzz(func(t *testing.T, body, payload []byte) {
		want, _ := json.Marshal(append([]byte{}, body...))
		if got := Payload(body); !bytes.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
		var theirs []byte
		wrong := json.Unmarshal(payload, &theirs)
		ours, err := Body(payload)
		own, errOwn := bytes.Clone(ours), err
		if inPlace, err := BodyInPlace(bytes.Clone(payload)); (err == nil) != (errOwn == nil) || err == nil && !bytes.Equal(inPlace, own) {
			t.Errorf("%q in place: %q, %v; want %q", payload, inPlace, err, own)
		}
		if wrong == nil && (err != nil || !bytes.Equal(ours, theirs)) {
			t.Errorf("%q: %q, %v; want %q", payload, ours, err, theirs)
		}
	})
}
