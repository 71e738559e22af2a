// Package onlambda is what the provider and the worker on Lambda agree on: how a function is told
// what to serve, and how bodies travel.
package onlambda

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"sync"
)

// Marked is what launch.Environment is in a function; launch.StartVariable holds what it is to serve.
const Marked = "lambda"

// LongestPayload is how many bytes a call may carry, in or out, by
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html; LongestBody is what
// that holds of a body, which travels as a text of base64 in quotes.
const (
	LongestPayload = 6 << 20
	LongestBody    = (LongestPayload - 2) / 4 * 3
)

// Payload is a body as a JSON text of base64. Package json takes longer for a body of a MB than
// the call does.
func Payload(body []byte) []byte {
	text := make([]byte, base64.StdEncoding.EncodedLen(len(body))+2)
	text[0], text[len(text)-1] = '"', '"'
	encode(text[1:len(text)-1], body)
	return text
}

// pairs is the two digits of base64 for 12 bits, the first in the lower byte.
var pairs = sync.OnceValue(func() *[1 << 12]uint16 {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	var p [1 << 12]uint16
	for i := range p {
		p[i] = uint16(digits[i>>6]) | uint16(digits[i&63])<<8
	}
	return &p
})

// encode is base64.StdEncoding.Encode, by 6 bytes at a time. A payload of a MB is made in two thirds of the
// time so, which a caller waits for, and a function is billed for.
func encode(text, body []byte) {
	p := pairs()
	for len(body) >= 8 { // of which 6 are used
		x := binary.BigEndian.Uint64(body)
		binary.LittleEndian.PutUint64(text, uint64(p[x>>52])|uint64(p[x>>40&0xfff])<<16|uint64(p[x>>28&0xfff])<<32|uint64(p[x>>16&0xfff])<<48)
		body, text = body[6:], text[8:]
	}
	base64.StdEncoding.Encode(text, body)
}

// Body is the inverse of Payload, in memory of its own.
func Body(payload []byte) ([]byte, error) {
	if text, ok := plainText(payload); ok {
		return base64.StdEncoding.AppendDecode(nil, text)
	}
	return escaped(payload)
}

// BodyInPlace is Body in the memory of the payload, which is of no use afterwards. What is decoded is
// shorter than its text, so it is written where all has been read already.
func BodyInPlace(payload []byte) ([]byte, error) {
	text, ok := plainText(payload)
	if !ok {
		return escaped(payload)
	}
	n, err := base64.StdEncoding.Decode(payload, text)
	return payload[:n], err
}

// plainText is what is between the quotes of a payload; ok is false if it has escapes, or is none.
func plainText(payload []byte) (text []byte, ok bool) {
	text = bytes.TrimSpace(payload)
	if n := len(text); n >= 2 && text[0] == '"' && text[n-1] == '"' && bytes.IndexByte(text, '\\') < 0 {
		return text[1 : n-1], true
	}
	return nil, false
}

// escaped is the body of a text that others may have written with escapes.
func escaped(payload []byte) (body []byte, err error) {
	err = json.Unmarshal(payload, &body)
	return body, err
}
