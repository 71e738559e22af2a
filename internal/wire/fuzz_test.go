package wire

import (
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"testing"
	"unicode/utf8"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/stage"
)

// fuzzLimits are small, so that a fuzzer finds what lies beyond them.
var fuzzLimits = Limits{Header: 4096, Tensors: 4, Rows: 64, Dims: 4, Name: 64}.withDefaults()

// seedMessages adds messages of every form, good and bad, to a corpus.
func seedMessages(f *testing.F, add func(body []byte, headerLen int)) {
	seed := func(body []byte, n int, err error) {
		if err != nil {
			f.Fatal(err)
		}
		add(body, n)
	}
	x := stage.Of("x", []int64{2, 1}, []uint16{1, 258})
	s := stage.Strings("s", []int64{2}, []string{"", "é"})
	add([]byte(documentedJSON), -1)
	add([]byte(documentedBinary+documentedData), len(documentedBinary))
	add([]byte(documentedReply), -1)
	add([]byte(documentedBinaryReply+string(documentedOutput.Data)), len(documentedBinaryReply))
	seed(EncodeRequest(nil, &Request{ID: "1", Plain: true, Inputs: []stage.Tensor{x, s}, Outputs: []string{"y"}}))
	seed(EncodeRequest(nil, &Request{ID: "1", Fingerprint: "fp", Generation: 9, Stages: stage.Range{First: 1, Last: 3}, Remaining: 5,
		Exits: []exit.Policy{exit.MaxProb(0.93).WithTemperature(1.31), exit.Patience(2), exit.Final()}, States: []exit.State{{Class: 3, Run: 2}, {}}, Inputs: []stage.Tensor{x, s}}))
	seed(EncodeReply(nil, &Reply{ID: "1", Model: "m", Service: 3, Load: 1, Parts: []Part{
		{Rows: []int{0, 3}, Exited: true, Stage: 1, Class: []int{7, -1}, Confidence: []float64{0.93, 0}, Outputs: []stage.Tensor{x}},
		{Rows: []int{1, 2}, Stage: 2, States: []exit.State{{Class: 4, Run: 2}, {}}, Outputs: []stage.Tensor{x, s}}}}))
	seed(EncodeRequest(nil, &Request{ID: "1", Fingerprint: "fp", Stages: stage.Range{First: 1, Last: 2}, Idle: true,
		Exits: []exit.Policy{exit.Never(), exit.Final()}, Asked: []exit.Policy{exit.Entropy(0.2), exit.Final()}, Inputs: []stage.Tensor{x}}))
	seed(EncodeReply(nil, &Reply{ID: "1", Model: "m", Seen: [][]Seen{{{7, 0.6}, {7, 0.93}}, nil, nil, {{-1, 0}, {3, 1}}}, Parts: []Part{
		{Rows: []int{1, 2}, Stage: 1}, {Rows: []int{0, 3}, Exited: true, Stage: 2, Class: []int{7, 3}, Confidence: []float64{0.93, 1}, Outputs: []stage.Tensor{x}}}}))
	seed(EncodePlainReply(nil, "1", "m", []stage.Tensor{x, s}, true))
	seed(EncodePlainReply(nil, "1", "m", []stage.Tensor{x, s}, false))
	add(EncodeError(nil, &Error{Full, "no room"}), -1)
	add([]byte(`{"parameters":{"serflow_version":2}}`), -1)
	add([]byte(`{"inputs":[{"name":"x","shape":[2,2],"datatype":"FP32","data":[[1,-0.5],[1e3,4]]}]}`), -1)
}

func checkError(t *testing.T, err error, codes ...Code) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("%T: %v", err, err)
	}
	for _, code := range codes {
		if e.Code == code && e.Message != "" {
			return
		}
	}
	t.Fatalf("code %q with message %q", e.Code, e.Message)
}

// checkTensors checks what decoding promises of tensors.
func checkTensors(t *testing.T, tensors []stage.Tensor) {
	t.Helper()
	n, err := stage.Rows(tensors)
	if err != nil || n < 1 || n > fuzzLimits.Rows {
		t.Fatalf("%d rows, %v", n, err)
	}
	for _, x := range tensors {
		if len(x.Shape) > fuzzLimits.Dims || len(x.Name) > fuzzLimits.Name {
			t.Fatalf("beyond the limits: %+v", x)
		}
	}
}

// checkCanonical checks that the quick way reads what encoding/json reads.
func checkCanonical(t *testing.T, quick header, ok bool, text []byte) {
	t.Helper()
	if !ok {
		return
	}
	slow, err := parseHeader(text, quick.Inputs.limit)
	if err != nil || !reflect.DeepEqual(quick, slow) {
		t.Fatalf("%q is read as\n%+v\nencoding/json reads %v\n%+v", text, quick, err, slow)
	}
}

func FuzzDecodeRequest(f *testing.F) {
	seedMessages(f, func(body []byte, n int) { f.Add(body, n) })
	f.Fuzz(func(t *testing.T, body []byte, n int) {
		if text, _, err := split(body, n, fuzzLimits.Header); err == nil {
			quick, ok := canonicalRequest(string(text), fuzzLimits)
			checkCanonical(t, quick, ok, text)
		}
		r, err := DecodeRequest(body, n, fuzzLimits)
		if err != nil {
			checkError(t, err, Invalid, TooLarge, BadVersion)
			return
		}
		checkTensors(t, r.Inputs)
		again, n, err := EncodeRequest(nil, &r)
		if err != nil {
			t.Fatal(err)
		}
		r.BinaryOutput = r.Plain // which EncodeRequest always asks for
		if got, err := DecodeRequest(again, n, Limits{}); err != nil || !reflect.DeepEqual(got, r) {
			t.Fatalf("%+v\nbecame %+v, %v", r, got, err)
		}
	})
}

func FuzzDecodeReply(f *testing.F) {
	seedMessages(f, func(body []byte, n int) {
		f.Add(body, n, 4, 1, 3)
		f.Add(body, n, 1, 0, 0)
	})
	f.Fuzz(func(t *testing.T, body []byte, n, rows, first, last int) {
		rows %= fuzzLimits.Rows
		stages := stage.Range{First: first, Last: last}
		if text, _, err := split(body, n, fuzzLimits.Header); err == nil {
			quick, ok := canonicalReply(string(text), fuzzLimits.Tensors)
			checkCanonical(t, quick, ok, text)
		}
		r, refusal, err := DecodeAnswer(body, n, rows, stages, fuzzLimits)
		if refusal != nil {
			if refusal.Message == "" {
				t.Fatal("a refusal without a message")
			}
			return
		}
		if err != nil {
			checkError(t, err, Internal, BadVersion)
			return
		}
		seen := make([]int, rows)
		for _, p := range r.Parts {
			for _, row := range p.Rows {
				seen[row]++
			}
			if len(p.Outputs) > 0 {
				checkTensors(t, p.Outputs)
			}
		}
		for row, times := range seen {
			if times != 1 {
				t.Fatalf("row %d is there %d times", row, times)
			}
		}
		again, n, err := EncodeReply(nil, &r)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := DecodeReply(again, n, rows, stages, Limits{}); err != nil || !reflect.DeepEqual(got, r) {
			t.Fatalf("%+v\nbecame %+v, %v", r, got, err)
		}
	})
}

func FuzzDecodePlainReply(f *testing.F) {
	seedMessages(f, func(body []byte, n int) { f.Add(body, n) })
	f.Fuzz(func(t *testing.T, body []byte, n int) {
		outputs, err := DecodePlainReply(body, n, fuzzLimits)
		if err != nil {
			checkError(t, err, Internal)
			return
		}
		checkTensors(t, outputs)
		for _, binary := range []bool{true, false} {
			again, n, err := EncodePlainReply(nil, "", "", outputs, binary)
			if err != nil && binary {
				t.Fatal(err)
			}
			if err != nil {
				continue // NaN, say, has no JSON form
			}
			got, err := DecodePlainReply(again, n, Limits{})
			if err != nil || !reflect.DeepEqual(got, outputs) && (binary || !holdsBool(outputs)) {
				t.Fatalf("%+v\nbecame %+v, %v", outputs, got, err)
			}
		}
	})
}

// holdsBool finds tensors whose bytes JSON need not keep: a BOOL of 2 becomes 1.
func holdsBool(tensors []stage.Tensor) bool {
	for _, x := range tensors {
		if x.DType == stage.Bool {
			return true
		}
	}
	return false
}

func FuzzDecodeError(f *testing.F) {
	for _, status := range []int{0, 400, 404, 429, 500, 503} {
		f.Add(status, []byte(`{"error":"no room","parameters":{"serflow_code":"full"}}`))
		f.Add(status, []byte(`{"error":7}`))
		f.Add(status, []byte("<html>\x00\xff"))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		e := DecodeError(status, body)
		if _, known := statuses[e.Code]; !known || e.Message == "" || !utf8.ValidString(e.Message) || len(e.Message) > 2100 {
			t.Fatalf("%+v", e)
		}
		text := EncodeError(nil, e)
		if !json.Valid(text) {
			t.Fatalf("no JSON: %q", text)
		}
		if got := DecodeError(status, text); len(e.Message) <= 2000 && *got != *e {
			t.Fatalf("%+v became %+v", e, got)
		}
	})
}

func FuzzUnpack(f *testing.F) {
	f.Add(Pack(8, []byte("{}      data")))
	f.Add(Pack(-1, []byte("{}")))
	f.Add([]byte("SFW1\xff\xff\xff\xff"))
	f.Add([]byte("SFW"))
	f.Fuzz(func(t *testing.T, frame []byte) {
		n, body, err := Unpack(frame)
		if err != nil {
			checkError(t, err, Invalid)
			return
		}
		if n < 0 || n > len(body) || string(Pack(n, body)) != string(frame) {
			t.Fatalf("%q: header of %d, body %q", frame, n, body)
		}
	})
}

func FuzzDecodeMetadata(f *testing.F) {
	f.Add([]byte(`{"name":"serflow","version":"0.1","extensions":["binary_tensor_data","serflow_stages"]}`))
	f.Add([]byte(`{"name":"m","platform":"p","inputs":[{"name":"x","datatype":"FP32","shape":[-1,2]}],"outputs":[],"parameters":{"serflow_version":1,"serflow_first":0,"serflow_last":4}}`))
	f.Add([]byte(`{"parameters":{"serflow_version":2}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if _, err := DecodeServerMetadata(body); err != nil {
			checkError(t, err, Invalid)
		}
		m, err := DecodeModelMetadata(body)
		if err != nil {
			checkError(t, err, Invalid, BadVersion)
			return
		}
		if p := m.Parameters; p != (ModelParameters{}) && (p.Version != Version || p.First < 0 || p.Last < p.First) {
			t.Fatalf("%+v", p)
		}
		if _, err := Ports(m.Inputs); err != nil {
			checkError(t, err, Invalid)
		}
	})
}

func FuzzParseHeaderLength(f *testing.F) {
	for _, value := range []string{"", "0", "17", "-1", "+1", "0x10", "99999999999999999999"} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		n, err := ParseHeaderLength(value)
		if err != nil {
			checkError(t, err, Invalid)
			return
		}
		if want, err := strconv.Atoi(value); value == "" && n != -1 || value != "" && (err != nil || n != want || n < 0) {
			t.Fatalf("%q is %d", value, n)
		}
	})
}
