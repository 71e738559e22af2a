package wire

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/serflow/serflow-go/stage"
)

func TestCodes(t *testing.T) {
	want := map[Code]int{"invalid": 400, "version": 400, "fingerprint": 409, "unauthorized": 401, "not_found": 404, "full": 429,
		"draining": 503, "late": 504, "stage": 500, "too_large": 413, "internal": 500}
	for code, status := range want {
		if got := code.Status(); got != status {
			t.Errorf("%s: status %d, want %d", code, got, status)
		}
		// The code survives, whatever the status was.
		e := &Error{code, "tab\tquote\" é"}
		if got := DecodeError(http.StatusTeapot, EncodeError(nil, e)); got.Code != code || got.Message != "tab quote\" é" {
			t.Errorf("%s: got %+v", code, got)
		}
	}
	if len(statuses) != len(want) {
		t.Errorf("%d codes, want %d", len(statuses), len(want))
	}
	if got := Code("other").Status(); got != 500 {
		t.Errorf("an unknown code has status %d", got)
	}
}

func TestEncodeError(t *testing.T) {
	got := string(EncodeError([]byte("before"), &Error{Full, `no "room"`}))
	if want := `before{"error":"no \"room\"","parameters":{"serflow_code":"full"}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := EncodeError(nil, &Error{"\xff", "\xff\x00"}); !json.Valid(got) || !utf8.Valid(got) {
		t.Errorf("no JSON: %q", got)
	}
	if got := (&Error{Full, "no room"}).Error(); got != "full: no room" {
		t.Errorf("got %q", got)
	}
}

func TestDecodeErrorOfOthers(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		want   Error
	}{
		{400, `{"error":"unknown model"}`, Error{Invalid, "unknown model"}},
		{404, `{"error":"x","parameters":{"serflow_code":"nonsense"}}`, Error{NotFound, "x"}},
		{401, "", Error{Unauthorized, "status 401"}},
		{403, "no", Error{Unauthorized, "status 403: no"}},
		{405, "no", Error{Invalid, "status 405: no"}},
		{409, "no", Error{Internal, "status 409: no"}},
		{413, "no", Error{TooLarge, "status 413: no"}},
		{415, "no", Error{Invalid, "status 415: no"}},
		{422, "no", Error{Invalid, "status 422: no"}},
		{429, `{"error":"slow down"}`, Error{Full, "slow down"}},
		{503, "<html>\n<b>busy\x00\x1b[2J</b>", Error{Draining, "status 503: <html> <b>busy [2J</b>"}},
		{504, `{"error":"gateway"}`, Error{Internal, "gateway"}},
		{500, `{"error":7}`, Error{Internal, `status 500: {"error":7}`}},
		{500, "{\"error\":\"\xff\x00\",\"parameters\":{\"serflow_code\":\"full\"}}", Error{Internal, `status 500: {"error":" ","parameters":{"serflow_code":"full"}}`}},
		{500, `{"error":"\u0000","parameters":{"serflow_code":"full"}}`, Error{Full, `status 500: {"error":"\u0000","parameters":{"serflow_code":"full"}}`}},
		{500, `{"error":7,"parameters":{"serflow_code":"full"}}`, Error{Internal, `status 500: {"error":7,"parameters":{"serflow_code":"full"}}`}},
		{500, `{"error":""}`, Error{Internal, `status 500: {"error":""}`}},
		{200, "\xff\xfe", Error{Internal, "status 200"}},
		{0, strings.Repeat("é", 150), Error{Internal, "status 0: " + strings.Repeat("é", 100) + "..."}},
		{500, strings.Repeat(`[`, 100_000), Error{Internal, "status 500: " + strings.Repeat("[", 200) + "..."}},
	} {
		if got := DecodeError(c.status, []byte(c.body)); *got != c.want {
			t.Errorf("%d %.40q: got %+v, want %+v", c.status, c.body, *got, c.want)
		}
	}
	long := DecodeError(500, EncodeError(nil, &Error{Full, strings.Repeat("x", 1<<20)}))
	if long.Code != Full || len(long.Message) > 2100 {
		t.Errorf("%s with a message of %d bytes", long.Code, len(long.Message))
	}
}

func TestEnvelope(t *testing.T) {
	for _, c := range []struct {
		n     int
		body  string
		frame string
		wantN int
	}{
		{8, "{}      data", "SFW1\x08\x00\x00\x00{}      data", 8},
		{-1, "{} ", "SFW1\x03\x00\x00\x00{} ", 3},
		{0, "", "SFW1\x00\x00\x00\x00", 0},
	} {
		frame := Pack(c.n, []byte(c.body))
		if string(frame) != c.frame {
			t.Errorf("frame %q, want %q", frame, c.frame)
		}
		n, body, err := Unpack(frame)
		if err != nil || n != c.wantN || string(body) != c.body {
			t.Errorf("%q: %d, %q, %v", frame, n, body, err)
		}
	}
	for frame, text := range map[string]string{
		"":                              "0 bytes that do not begin",
		"SFW1\x00\x00\x00":              "7 bytes that do not begin",
		"SFW2\x00\x00\x00\x00":          `"SFW2`,
		"<html>an error page":           "<html>an error page",
		"SFW1\x01\x00\x00\x00":          "claims a header of 1 bytes; 0 are there",
		"SFW1\xff\xff\xff\xffsome data": "claims a header of 4294967295 bytes; 9 are there",
	} {
		_, _, err := Unpack([]byte(frame))
		wantError(t, frame, err, Invalid, text)
	}
}

func TestAnswerMayBeARefusal(t *testing.T) {
	stages := stage.Range{First: 1, Last: 3}
	refused := EncodeError(nil, &Error{Draining, "goes away"})
	n, body, err := Unpack(Pack(-1, refused))
	if err != nil {
		t.Fatal(err)
	}
	_, refusal, err := DecodeAnswer(body, n, 1, stages, Limits{})
	if err != nil || refusal == nil || *refusal != (Error{Draining, "goes away"}) {
		t.Errorf("got %+v, %v", refusal, err)
	}
	for _, body := range []string{`{"error":null}`, `{}`, `error`} {
		_, refusal, err = DecodeAnswer([]byte(body), -1, 1, stages, Limits{})
		wantError(t, body, err, Internal, "a reply that cannot be used")
		if refusal != nil {
			t.Errorf("%s: refusal %+v", body, refusal)
		}
	}
	// Where a status tells them apart, an error is no reply.
	_, err = DecodeReply(refused, -1, 1, stages, Limits{})
	wantError(t, "as a reply", err, Internal, "a reply that cannot be used")
}
