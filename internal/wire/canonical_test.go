package wire

import (
	"strings"
	"testing"

	"github.com/serflow/serflow-go/stage"
)

// What differs from our own form by a byte is left to encoding/json, which alone
// knows what it means.
func TestCanonicalLeavesTheOdd(t *testing.T) {
	limits := Limits{Tensors: 2}.withDefaults()
	x := stage.Of("x", []int64{1}, []uint8{1})
	y := stage.Of("y", []int64{1}, []uint8{1})
	body, n, err := EncodeRequest(nil, &Request{ID: "id", Fingerprint: "fp", Generation: 12, Stages: stage.Range{First: 1, Last: 3},
		Remaining: 5, Inputs: []stage.Tensor{x, y}})
	if err != nil {
		t.Fatal(err)
	}
	good := string(body[:n])
	if _, ok := canonicalRequest(good, limits); !ok {
		t.Fatalf("not taken: %s", good)
	}
	for name, change := range map[string][2]string{
		"a leading zero":      {`generation":12`, `generation":012`},
		"19 digits":           {`generation":12`, `generation":1234567890123456789`},
		"more than uint64":    {`generation":12`, `generation":99999999999999999999`},
		"a negative number":   {`generation":12`, `generation":-12`},
		"no number":           {`generation":12`, `generation":`},
		"a fraction":          {`generation":12`, `generation":12.0`},
		"beyond int32":        {`last":3`, `last":2147483648`},
		"an escape":           {`"fp"`, `"\u0066p"`},
		"an escaped quote":    {`"fp"`, `"f\"p"`},
		"a backslash":         {`"fp"`, `"f\"`},
		"a control character": {`"fp"`, "\"f\n\""},
		"more than ASCII":     {`"fp"`, `"é"`},
		"no UTF-8":            {`"fp"`, "\"\xff\""},
		"an open string":      {`"fp"`, `"fp`},
		"a space":             {`"inputs":[`, `"inputs": [`},
		"another field":       {`"inputs":[`, `"outputs":[],"inputs":[`},
		"another version":     {`version":1`, `version":2`},
		"version 10":          {`version":1`, `version":10`},
		"an empty shape":      {`[1]`, `[]`},
		"an open shape":       {`[1]`, `[1`},
		"a long shape":        {`[1]`, `[1` + strings.Repeat(",1", 255) + `]`},
		"data":                {`"parameters":{"binary_data_size":1}`, `"data":[1]`},
		"a tensor too many":   {`"inputs":[`, `"inputs":[{"name":"z","shape":[1],"datatype":"UINT8","parameters":{"binary_data_size":1}},`},
		"a comma too many":    {`"inputs":[`, `"inputs":[,`},
		"a brace too many":    {`}]}`, `}]}}`},
		"an open array":       {`}]}`, `}}`},
		"a tab behind it":     {`}]}`, "}]}\t"},
	} {
		odd := strings.Replace(good, change[0], change[1], 1)
		if h, ok := canonicalRequest(odd, limits); ok {
			t.Errorf("%s: %s was read as %+v", name, odd, h)
		}
	}
	if _, ok := canonicalRequest(good[:len(good)-8], limits); ok {
		t.Error("a header cut short was taken")
	}
}
