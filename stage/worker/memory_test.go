package worker

import (
	"runtime"
	"testing"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/internal/wire"
	"github.com/serflow/serflow-go/stage"
)

// Decoding allocates no more than the tensors themselves: of one in binary nothing but its
// description, since it shares the memory of the body.
func TestDecodingSharesTheBody(t *testing.T) {
	x := stage.Tensor{Name: "x", DType: stage.FP32, Shape: []int64{1, 16 << 10}, Data: make([]byte, 64<<10)}
	body, n, err := wire.EncodeRequest(nil, &wire.Request{Fingerprint: "f00", Exits: []exit.Policy{exit.Final()}, Inputs: []stage.Tensor{x}})
	if err != nil {
		t.Fatal(err)
	}
	const times = 100
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range times {
		r, err := wire.DecodeRequest(body, n, wire.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		c := newCall(t.Context(), 0, r.Exits, nil, 1, r.Inputs)
		if &c.jobs[0].sample[0].Data[0] != &body[n] {
			t.Fatal("the tensor has been copied")
		}
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / times; each > 8<<10 {
		t.Errorf("%d bytes for a tensor of 64 KiB", each)
	}
}
