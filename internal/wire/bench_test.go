package wire

import (
	"fmt"
	"testing"
	"time"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/stage"
)

// benchRequest is one row of 64 KiB that enters in the middle of a model.
func benchRequest() *Request {
	return &Request{
		ID: "7f3a90", Fingerprint: "b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c",
		Generation: 12, Stages: stage.Range{First: 1, Last: 3}, Remaining: 250 * time.Millisecond,
		Exits:  []exit.Policy{exit.MaxProb(0.93).WithTemperature(1.31), exit.MaxProb(0.88).WithTemperature(1.12), exit.Final()},
		States: []exit.State{{Class: 3, Run: 1}},
		Inputs: []stage.Tensor{{Name: "activation", DType: stage.FP32, Shape: []int64{1, 64, 16, 16}, Data: make([]byte, 1<<16)}},
	}
}

func benchReply() *Reply {
	return &Reply{
		ID: "7f3a90", Model: "fashion", Service: 3 * time.Millisecond, Load: 4,
		Parts: []Part{{Rows: []int{0}, Stage: 4, States: []exit.State{{Class: 3, Run: 2}},
			Outputs: []stage.Tensor{{Name: "activation", DType: stage.FP32, Shape: []int64{1, 64, 16, 16}, Data: make([]byte, 1<<16)}}}},
	}
}

func BenchmarkEncodeRequest(b *testing.B) {
	r := benchRequest()
	b.ReportAllocs()
	var buffer []byte
	for b.Loop() {
		body, _, err := EncodeRequest(buffer[:0], r)
		if err != nil {
			b.Fatal(err)
		}
		buffer = body
	}
}

// BenchmarkDecodeRequest reads the header that EncodeRequest writes, and the same
// behind a space, which makes it one for encoding/json.
func BenchmarkDecodeRequest(b *testing.B) {
	body, n, err := EncodeRequest(nil, benchRequest())
	if err != nil {
		b.Fatal(err)
	}
	for _, canonical := range []bool{true, false} {
		b.Run(fmt.Sprintf("canonical=%v", canonical), func(b *testing.B) {
			body, n := body, n
			if !canonical {
				body, n = append([]byte(" "), body...), n+1
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := DecodeRequest(body, n, Limits{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkEncodeReply(b *testing.B) {
	r := benchReply()
	b.ReportAllocs()
	var buffer []byte
	for b.Loop() {
		body, _, err := EncodeReply(buffer[:0], r)
		if err != nil {
			b.Fatal(err)
		}
		buffer = body
	}
}

func BenchmarkDecodeReply(b *testing.B) {
	body, n, err := EncodeReply(nil, benchReply())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeReply(body, n, 1, stage.Range{First: 1, Last: 3}, Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}
