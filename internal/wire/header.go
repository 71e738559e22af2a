package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// header is the JSON of any message. Requests and replies share most of it.
type header struct {
	ID         string          `json:"id"`
	Model      string          `json:"model_name"`
	Error      json.RawMessage `json:"error"`
	Parameters parameters      `json:"parameters"`
	Inputs     tensorHeaders   `json:"inputs"`
	Outputs    tensorHeaders   `json:"outputs"`
}

type parameters struct {
	Version      json.RawMessage `json:"serflow_version"`
	Fingerprint  string          `json:"serflow_fingerprint"`
	Generation   uint64          `json:"serflow_generation"`
	First        int             `json:"serflow_first"`
	Last         int             `json:"serflow_last"`
	Remaining    int64           `json:"serflow_remaining_ns"`
	Keep         bool            `json:"serflow_keep"`
	Exits        string          `json:"serflow_exits"`
	Asked        string          `json:"serflow_asked"`
	Idle         bool            `json:"serflow_idle"`
	States       string          `json:"serflow_states"`
	Service      int64           `json:"serflow_service_ns"`
	Times        string          `json:"serflow_stage_ns"`
	Load         int             `json:"serflow_load"`
	Parts        string          `json:"serflow_parts"`
	Seen         string          `json:"serflow_seen"`
	BinaryOutput bool            `json:"binary_data_output"`
}

// tensorHeader is a tensor, or in a request's outputs the wish for one.
type tensorHeader struct {
	Name       string           `json:"name"`
	DataType   string           `json:"datatype"`
	Shape      dims             `json:"shape"`
	Parameters tensorParameters `json:"parameters"`
	Data       json.RawMessage  `json:"data"`
}

type tensorParameters struct {
	Size   int64 `json:"binary_data_size"`
	Binary bool  `json:"binary_data"`
	Part   int   `json:"serflow_part"`
}

// absent is no size and no number of anything that a header counts.
const absent = math.MinInt64

// newHeader is a header of which nothing has been read.
func newHeader(tensors int) header {
	return header{
		Parameters: parameters{First: -1, Last: -1},
		Inputs:     tensorHeaders{limit: tensors},
		Outputs:    tensorHeaders{limit: tensors},
	}
}

func newTensorHeader() tensorHeader {
	return tensorHeader{Parameters: tensorParameters{Size: absent, Part: -1}}
}

// tensorHeaders is an array of at most limit: a header of many "{}" would take a
// hundred times its length in memory.
type tensorHeaders struct {
	limit int
	list  []tensorHeader
}

// UnmarshalJSON reads the elements one by one, and stops at the limit.
func (t *tensorHeaders) UnmarshalJSON(text []byte) error {
	t.list = nil
	d := json.NewDecoder(bytes.NewReader(text))
	if first, err := d.Token(); err != nil || first != json.Delim('[') {
		return invalid("inputs or outputs are %q: they must be an array of objects", excerpt(text, 20))
	}
	for d.More() {
		if len(t.list) == t.limit {
			return tooLarge("more than %d inputs or outputs: send fewer, or raise the reader's limit", t.limit)
		}
		one := newTensorHeader()
		if err := d.Decode(&one); err != nil {
			return err
		}
		t.list = append(t.list, one)
	}
	return nil
}

// dims is a shape, counted before it is stored.
type dims []int64

// UnmarshalJSON reads a shape of at most maxDims dimensions.
func (s *dims) UnmarshalJSON(text []byte) error {
	if n := bytes.Count(text, []byte{','}) + 1; n > maxDims {
		return tooLarge("a shape of %d dimensions: no more than %d are ever read", n, maxDims)
	}
	var shape []int64
	err := json.Unmarshal(text, &shape)
	*s = shape
	return err
}

// parseHeader reads a header in any form that JSON allows. What could be read of
// it is returned with an error too: of another version, other fields may be wrong.
func parseHeader(text []byte, tensors int) (header, error) {
	h := newHeader(tensors)
	err := json.Unmarshal(text, &h)
	if of := new(Error); err == nil || errors.As(err, &of) {
		return h, err
	}
	return h, invalid("the header is not the JSON of the Open Inference Protocol: %s; it begins %q", readable(err), excerpt(text, 60))
}

// readable says of an error of encoding/json what its reader can change.
func readable(err error) string {
	var mismatch *json.UnmarshalTypeError
	if !errors.As(err, &mismatch) {
		return strings.TrimPrefix(err.Error(), "json: ")
	}
	field := mismatch.Field
	if field == "" {
		field = "a part of it"
	}
	want := mismatch.Type.String()
	switch mismatch.Type.Kind().String() {
	case "struct":
		want = "object"
	case "slice":
		want = "array"
	}
	return field + " is a " + excerpt([]byte(mismatch.Value), 60) + " where " + want + " is wanted"
}

// ParseHeaderLength reads the value of the HTTP header HeaderLength. Without one,
// "", it is -1: the body is all JSON.
func ParseHeaderLength(value string) (int, error) {
	if value == "" {
		return -1, nil
	}
	n, err := strconv.ParseUint(value, 10, 31)
	if err != nil {
		return 0, invalid("%s is %q: send the number of bytes of the JSON header", HeaderLength, excerpt([]byte(value), 40))
	}
	return int(n), nil
}

// split cuts a message into its header and its binary data.
func split(body []byte, headerLen, limit int) (text, data []byte, err error) {
	switch {
	case headerLen == -1:
		return body, nil, nil // the caller has limited the body
	case headerLen <= 0:
		return nil, nil, invalid("a header of %d bytes: every message begins with a JSON header", headerLen)
	case headerLen > len(body):
		return nil, nil, invalid("a header of %d bytes in a body of %d: was it cut short?", headerLen, len(body))
	case headerLen > limit:
		return nil, nil, tooLarge("a header of %d bytes; the limit is %d: send fewer rows or tensors at once", headerLen, limit)
	}
	return body[:headerLen], body[headerLen:], nil
}

// checkVersion looks at a version as it came, nil if none did.
func checkVersion(what string, version json.RawMessage) error {
	if version == nil || string(version) == string(versionText) {
		return nil
	}
	return otherVersion(what, excerpt(version, 20))
}

// versionText is Version as JSON.
var versionText = json.RawMessage(strconv.Itoa(Version))

func otherVersion(what string, version any) error {
	return &Error{BadVersion, what + " of version " + fmt.Sprint(version) + " of serflow's additions; this side speaks version " +
		string(versionText) + ": run clients and workers of the same release"}
}
