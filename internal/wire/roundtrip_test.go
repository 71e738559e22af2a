package wire

import (
	"reflect"
	"testing"
	"time"
	"unsafe"

	"pgregory.net/rapid"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/stage"
)

func drawTensors(t *rapid.T, rows, atLeast int) []stage.Tensor {
	names := rapid.SliceOfNDistinct(rapid.StringN(1, 12, -1), atLeast, 4, rapid.ID[string]).Draw(t, "names")
	tensors := make([]stage.Tensor, len(names))
	for i, name := range names {
		shape := append([]int64{int64(rows)}, rapid.SliceOfN(rapid.Int64Range(0, 3), 0, 3).Draw(t, "shape")...)
		n, err := stage.Elements(shape)
		if err != nil {
			t.Fatal(err)
		}
		x := stage.Tensor{Name: name, Shape: shape, DType: stage.DType(rapid.IntRange(int(stage.Bool), int(stage.Bytes)).Draw(t, "dtype"))}
		if x.DType == stage.Bytes {
			x = stage.Strings(name, shape, rapid.SliceOfN(rapid.StringN(0, 5, -1), n, n).Draw(t, "strings"))
		} else {
			size := n * x.DType.Size()
			most := byte(255)
			if x.DType == stage.Bool {
				most = 1
			}
			x.Data = rapid.SliceOfN(rapid.ByteMax(most), size, size).Draw(t, "data")
		}
		tensors[i] = x
	}
	return tensors
}

func drawStates(t *rapid.T, rows int) []exit.State {
	if rapid.Bool().Draw(t, "no states") {
		return nil
	}
	states := make([]exit.State, rows)
	for i := range states {
		states[i] = exit.State{Class: rapid.Int32Min(0).Draw(t, "class"), Run: rapid.Int32Min(0).Draw(t, "run")}
	}
	return states
}

func drawExit(t *rapid.T) exit.Policy {
	threshold := rapid.Float64Range(0, 1).Draw(t, "threshold")
	p := rapid.SampledFrom([]exit.Policy{exit.MaxProb(threshold), exit.Entropy(threshold), exit.Margin(threshold),
		exit.Patience(rapid.IntRange(1, 1<<31-1).Draw(t, "patience")), exit.Never(), exit.Final()}).Draw(t, "policy")
	return p.WithTemperature(rapid.Float64Range(0, 1e300).Draw(t, "temperature"))
}

func drawRequest(t *rapid.T) Request {
	rows := rapid.IntRange(1, 5).Draw(t, "rows")
	r := Request{ID: rapid.StringN(0, 12, -1).Draw(t, "ID"), Plain: rapid.Bool().Draw(t, "plain"), Inputs: drawTensors(t, rows, 1)}
	if r.Plain {
		r.BinaryOutput = true
		if names := rapid.SliceOfNDistinct(rapid.StringN(1, 12, -1), 0, 3, rapid.ID[string]).Draw(t, "outputs"); len(names) > 0 {
			r.Outputs = names
		}
		return r
	}
	r.Fingerprint = rapid.StringN(0, 64, -1).Draw(t, "fingerprint")
	r.Generation = rapid.Uint64().Draw(t, "generation")
	r.Stages.First = rapid.IntRange(0, 5).Draw(t, "first")
	r.Stages.Last = rapid.IntRange(r.Stages.First, 8).Draw(t, "last")
	r.Remaining = time.Duration(rapid.Int64Min(0).Draw(t, "remaining"))
	r.Keep = rapid.Bool().Draw(t, "keep")
	if rapid.Bool().Draw(t, "has exits") {
		for range r.Stages.Len() {
			r.Exits = append(r.Exits, drawExit(t))
		}
	}
	if rapid.Bool().Draw(t, "asks") {
		for range r.Stages.Len() {
			r.Asked = append(r.Asked, drawExit(t))
		}
	}
	r.Idle = rapid.Bool().Draw(t, "idle")
	r.States = drawStates(t, rows)
	return r
}

func TestRequestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawRequest(t)
		prefix := rapid.SliceOfN(rapid.Byte(), 0, 9).Draw(t, "prefix")
		body, n, err := EncodeRequest(prefix, &want)
		if err != nil {
			t.Fatal(err)
		}
		if string(body[:len(prefix)]) != string(prefix) {
			t.Fatalf("prefix %x became %x", prefix, body[:len(prefix)])
		}
		got, err := DecodeRequest(body[len(prefix):], n, Limits{})
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v, %v\nwant %+v\nheader %s", got, err, want, body[len(prefix):])
		}
		if n%8 != 0 {
			t.Fatalf("a header of %d bytes", n)
		}
		if got.Rows() != int(want.Inputs[0].Shape[0]) {
			t.Fatalf("%d rows", got.Rows())
		}
	})
}

// drawReply deals the rows out to parts of rising stages.
func drawReply(t *rapid.T, stages stage.Range) (Reply, int) {
	rows := rapid.IntRange(1, 8).Draw(t, "rows")
	where := rapid.SliceOfN(rapid.IntRange(0, 2*stages.Len()), rows, rows).Draw(t, "where")
	r := Reply{ID: rapid.StringN(0, 12, -1).Draw(t, "ID"), Model: rapid.StringN(0, 12, -1).Draw(t, "model"),
		Service: time.Duration(rapid.Int64Min(0).Draw(t, "service")), Load: rapid.IntRange(0, 1<<40).Draw(t, "load")}
	for range rapid.IntRange(0, stages.Len()).Draw(t, "times") {
		r.Times = append(r.Times, time.Duration(rapid.Int64Min(0).Draw(t, "time")))
	}
	for place := range 2*stages.Len() + 1 {
		p := Part{Stage: stages.First + place/2, Exited: place%2 == 1}
		for row, w := range where {
			if w == place {
				p.Rows = append(p.Rows, row)
			}
		}
		if p.Rows == nil {
			continue
		}
		atLeast := 1
		if p.Exited || p.Stage == stages.First {
			atLeast = 0
		}
		if x := drawTensors(t, len(p.Rows), atLeast); len(x) > 0 {
			p.Outputs = x
		}
		if !p.Exited {
			p.States = drawStates(t, len(p.Rows))
		}
		for range p.Rows {
			if p.Exited {
				p.Class = append(p.Class, rapid.IntRange(-1, 1<<31-1).Draw(t, "class"))
				p.Confidence = append(p.Confidence, rapid.Float64Range(0, 1).Draw(t, "confidence"))
			}
		}
		r.Parts = append(r.Parts, p)
	}
	if rapid.Bool().Draw(t, "asked") {
		r.Seen = drawSeen(t, where)
	}
	return r, rows
}

// drawSeen is what the exits said that rows passed, of which as many ran as the place tells
// where each has got to; nil if none did.
func drawSeen(t *rapid.T, where []int) [][]Seen {
	seen := make([][]Seen, len(where))
	for row, place := range where {
		for range (place + 1) / 2 {
			seen[row] = append(seen[row], Seen{rapid.IntRange(-1, 1<<31-1).Draw(t, "class"), rapid.Float64Range(0, 1e300).Draw(t, "score")})
		}
	}
	if !anySeen(seen) {
		return nil
	}
	return seen
}

func TestReplyRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first := rapid.IntRange(0, 4).Draw(t, "first")
		stages := stage.Range{First: first, Last: rapid.IntRange(first, 6).Draw(t, "last")}
		want, rows := drawReply(t, stages)
		body, n, err := EncodeReply([]byte("before"), &want)
		if err != nil {
			t.Fatal(err)
		}
		body = body[len("before"):]
		got, err := DecodeReply(body, n, rows, stages, Limits{})
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v, %v\nwant %+v\nheader %s", got, err, want, body[:n])
		}
		for _, p := range got.Parts {
			if cap(p.Outputs) != len(p.Outputs) {
				t.Fatal("a part's outputs may grow into the next part's")
			}
		}
		answer, refusal, err := DecodeAnswer(body, n, rows, stages, Limits{})
		if err != nil || refusal != nil || !reflect.DeepEqual(answer, want) {
			t.Fatalf("as an answer: got %+v, %v, %v", answer, refusal, err)
		}
		if _, err := DecodeReply(body, n, rows+1, stages, Limits{}); err == nil {
			t.Fatal("a reply that lacks a row was taken")
		}
		if rows > 1 {
			if _, err := DecodeReply(body, n, rows-1, stages, Limits{}); err == nil {
				t.Fatal("a reply with a row too many was taken")
			}
		}
	})
}

func TestPlainReplyRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawTensors(t, rapid.IntRange(1, 4).Draw(t, "rows"), 1)
		body, n, err := EncodePlainReply(nil, rapid.StringN(0, 12, -1).Draw(t, "ID"), "m", want, rapid.Bool().Draw(t, "binary"))
		if err != nil {
			return // has no JSON form: TestNoJSONForm
		}
		got, err := DecodePlainReply(body, n, Limits{})
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v, %v\nwant %+v\nbody %s", got, err, want, body)
		}
	})
}

// Decoding copies no tensor, and the first is aligned if the message is.
func TestBinaryTensorsShareTheBody(t *testing.T) {
	for name, decode := range map[string]func() (body []byte, n int, tensors []stage.Tensor){
		"request": func() ([]byte, int, []stage.Tensor) {
			body, n, err := EncodeRequest(nil, benchRequest())
			if err != nil {
				t.Fatal(err)
			}
			r, err := DecodeRequest(body, n, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			return body, n, r.Inputs
		},
		"reply": func() ([]byte, int, []stage.Tensor) {
			body, n, err := EncodeReply(nil, benchReply())
			if err != nil {
				t.Fatal(err)
			}
			r, err := DecodeReply(body, n, 1, stage.Range{First: 1, Last: 3}, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			return body, n, r.Parts[0].Outputs
		},
		"plain reply": func() ([]byte, int, []stage.Tensor) {
			body, n, err := EncodePlainReply(nil, "", "m", benchRequest().Inputs, true)
			if err != nil {
				t.Fatal(err)
			}
			outputs, err := DecodePlainReply(body, n, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			return body, n, outputs
		},
	} {
		body, n, tensors := decode()
		data := tensors[0].Data
		if unsafe.SliceData(data) != &body[n] || cap(data) != len(data) {
			t.Errorf("%s: the tensor is not the body's memory, or may grow into what follows", name)
		}
		if n%8 != 0 {
			t.Errorf("%s: a header of %d bytes", name, n)
		}
	}
}

func TestRowsOfNothing(t *testing.T) {
	for _, r := range []Request{{}, {Inputs: make([]stage.Tensor, 1)}} {
		if got := r.Rows(); got != 0 {
			t.Errorf("%d rows", got)
		}
	}
}

// The quick way is taken for what we write, and decodes with few allocations.
func TestCanonicalIsTaken(t *testing.T) {
	l := Limits{}.withDefaults()
	body, n, err := EncodeRequest(nil, benchRequest())
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := canonicalRequest(string(body[:n]), l); !ok {
		t.Errorf("not taken for %s", body[:n])
	}
	if got := testing.AllocsPerRun(100, func() {
		if _, err := DecodeRequest(body, n, Limits{}); err != nil {
			t.Fatal(err)
		}
	}); got > 10 {
		t.Errorf("%v allocations a request", got)
	}
	if body, n, err = EncodeReply(nil, benchReply()); err != nil {
		t.Fatal(err)
	}
	if _, ok := canonicalReply(string(body[:n]), l.Tensors); !ok {
		t.Errorf("not taken for %s", body[:n])
	}
	if got := testing.AllocsPerRun(100, func() {
		if _, err := DecodeReply(body, n, 1, stage.Range{First: 1, Last: 3}, Limits{}); err != nil {
			t.Fatal(err)
		}
	}); got > 10 {
		t.Errorf("%v allocations a reply", got)
	}
}
