package wire

import (
	"math"
	"reflect"
	"testing"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/stage"
)

// What cannot be sent is refused where it is made, and leaves dst as it was.
func TestEncodeRequestRefuses(t *testing.T) {
	x := stage.Of("x", []int64{2}, []uint8{1, 2})
	good := Request{Fingerprint: "fp", Stages: stage.Range{First: 1, Last: 2}, Inputs: []stage.Tensor{x}}
	for text, change := range map[string]func(r *Request){
		"no tensors":                      func(r *Request) { r.Inputs = nil },
		"needs 3":                         func(r *Request) { r.Inputs[0].Shape = []int64{3} },
		"is a scalar":                     func(r *Request) { r.Inputs[0].Shape, r.Inputs[0].Data = nil, []byte{1} },
		"no rows":                         func(r *Request) { r.Inputs[0].Shape, r.Inputs[0].Data = []int64{0}, nil },
		`tensor "\xff" is not UTF-8`:      func(r *Request) { r.Inputs[0].Name = "\xff" },
		`ID "\xff" is not UTF-8`:          func(r *Request) { r.ID = "\xff" },
		`fingerprint "\xff" is not UTF-8`: func(r *Request) { r.Fingerprint = "\xff" },
		"stages 3 to 2":                   func(r *Request) { r.Stages.First = 3 },
		"stages -1 to 2":                  func(r *Request) { r.Stages.First = -1 },
		"-1ns remain":                     func(r *Request) { r.Remaining = -1 },
		"1 exits for 2 stages":            func(r *Request) { r.Exits = []exit.Policy{exit.Never()} },
		"threshold NaN":                   func(r *Request) { r.Exits = []exit.Policy{exit.Never(), exit.MaxProb(math.NaN())} },
		`unknown kind ""`:                 func(r *Request) { r.Exits = make([]exit.Policy, 2) },
		"patience 2147483648":             func(r *Request) { r.Exits = []exit.Policy{exit.Never(), exit.Patience(1 << 31)} },
		"3 states for 2 rows":             func(r *Request) { r.States = make([]exit.State, 3) },
		"3 exits for 2 stages":            func(r *Request) { r.Asked = []exit.Policy{exit.Never(), exit.Never(), exit.Final()} },
		"threshold -1":                    func(r *Request) { r.Asked = []exit.Policy{exit.Margin(-1), exit.Never()} },
		"state {Class:-1 Run:0}":          func(r *Request) { r.States = []exit.State{{}, {Class: -1}} },
		"state {Class:0 Run:-1}":          func(r *Request) { r.States = []exit.State{{Run: -1}, {}} },
		"names outputs":                   func(r *Request) { r.Outputs = []string{"y"} },
		"wanted twice":                    func(r *Request) { r.Plain, r.Outputs = true, []string{"y", "y"} },
		`output "\xff" is not UTF-8`:      func(r *Request) { r.Plain, r.Outputs = true, []string{"\xff"} },
	} {
		r := good
		r.Inputs = []stage.Tensor{x}
		change(&r)
		body, n, err := EncodeRequest([]byte("before"), &r)
		wantError(t, text, err, Invalid, text)
		if string(body) != "before" || n != 0 {
			t.Errorf("%s: left %q, %d", text, body, n)
		}
	}
	if _, _, err := EncodeRequest(nil, &good); err != nil {
		t.Error(err)
	}
	_, err := EncodeJSONRequest(nil, &good)
	wantError(t, "ours as JSON", err, Invalid, "use EncodeRequest")
	_, err = EncodeJSONRequest(nil, &Request{Plain: true})
	wantError(t, "JSON without inputs", err, Invalid, "no tensors")
}

func TestEncodeReplyRefuses(t *testing.T) {
	x := stage.Of("x", []int64{1}, []uint8{1})
	good := func() Reply {
		return Reply{Parts: []Part{
			{Rows: []int{1}, Exited: true, Stage: 1, Class: []int{1}, Confidence: []float64{1}, Outputs: []stage.Tensor{x}},
			{Rows: []int{0}, Stage: 2, Outputs: []stage.Tensor{x}},
		}}
	}
	for text, change := range map[string]func(r *Reply){
		"no rows: each":          func(r *Reply) { r.Parts = nil },
		"service -1ns":           func(r *Reply) { r.Service = -1 },
		"load -1":                func(r *Reply) { r.Load = -1 },
		`"\xff" is not UTF-8`:    func(r *Reply) { r.Model = "\xff" },
		`tensor "\xfe" is not`:   func(r *Reply) { r.Parts[1].Outputs = []stage.Tensor{{Name: "\xfe"}} },
		"stage 1 has no rows":    func(r *Reply) { r.Parts[0].Rows = nil },
		"row 2 is in a part":     func(r *Reply) { r.Parts[1].Rows[0] = 2 },
		"row -1 is in a part":    func(r *Reply) { r.Parts[1].Rows[0] = -1 },
		"row 1 is in two parts":  func(r *Reply) { r.Parts[1].Rows[0] = 1 },
		"a part of stage 0 come": func(r *Reply) { r.Parts[1].Stage = 0 },
		"exit of stage -1":       func(r *Reply) { r.Parts[0].Stage = -1 },
		"go on at stage 70000":   func(r *Reply) { r.Parts[1].Stage = 70000 },
		"have 0 classes":         func(r *Reply) { r.Parts[0].Class = nil },
		"0 confidences":          func(r *Reply) { r.Parts[0].Confidence = nil },
		"and 1 states: give each a class": func(r *Reply) {
			r.Parts[0].States = make([]exit.State, 1)
		},
		"go on have 1 classes":    func(r *Reply) { r.Parts[1].Class = []int{1} },
		"classes, 1 confidences":  func(r *Reply) { r.Parts[1].Confidence = []float64{1} },
		"confidences and 2 state": func(r *Reply) { r.Parts[1].States = make([]exit.State, 2) },
		"class -2":                func(r *Reply) { r.Parts[0].Class[0] = -2 },
		"of 1 rows, of 2":         func(r *Reply) { r.Seen = [][]Seen{{{}}} },
		"an exit said {Class:-2":  func(r *Reply) { r.Seen = [][]Seen{{{Class: -2}}, nil} },
		"said {Class:0 Score:NaN": func(r *Reply) { r.Seen = [][]Seen{nil, {{Score: math.NaN()}}} },
		"said {Class:0 Score:+In": func(r *Reply) { r.Seen = [][]Seen{nil, {{Score: math.Inf(1)}}} },
		"class 2147483648":        func(r *Reply) { r.Parts[0].Class[0] = 1 << 31 },
		"confidence NaN":          func(r *Reply) { r.Parts[0].Confidence[0] = math.NaN() },
		"confidence 1.5":          func(r *Reply) { r.Parts[0].Confidence[0] = 1.5 },
		"confidence -0.5":         func(r *Reply) { r.Parts[0].Confidence[0] = -0.5 },
		"state {Class:0 Run:-1}":  func(r *Reply) { r.Parts[1].States = []exit.State{{Run: -1}} },
		"has outputs of 2": func(r *Reply) {
			r.Parts[1].Outputs = []stage.Tensor{stage.Of("x", []int64{2}, []uint8{1, 2})}
		},
	} {
		r := good()
		change(&r)
		body, n, err := EncodeReply([]byte("before"), &r)
		wantError(t, text, err, Invalid, text)
		if string(body) != "before" || n != 0 {
			t.Errorf("%s: left %q, %d", text, body, n)
		}
	}
	r := good()
	if _, _, err := EncodeReply(nil, &r); err != nil {
		t.Error(err)
	}
	for text, outputs := range map[string][]stage.Tensor{"no tensors": nil, "is not UTF-8": {{Name: "\xff"}}} {
		_, _, err := EncodePlainReply(nil, "", "m", outputs, true)
		wantError(t, text, err, Invalid, text)
	}
	_, _, err := EncodePlainReply(nil, "\xff", "m", []stage.Tensor{x}, true)
	wantError(t, "ID", err, Invalid, "is not UTF-8")
}

func TestExitTexts(t *testing.T) {
	for text, want := range map[string]exit.Policy{
		"maxprob 0.93 1.31":         exit.MaxProb(0.93).WithTemperature(1.31),
		"entropy 0":                 exit.Entropy(0),
		"margin 5e-324":             exit.Margin(5e-324),
		"margin 0.1":                exit.Margin(0.1),
		"patience 3":                exit.Patience(3),
		"patience 3 0.5":            exit.Patience(3).WithTemperature(0.5),
		"never":                     exit.Never(),
		"final 2":                   exit.Final().WithTemperature(2),
		"maxprob 0.333333333333333": exit.MaxProb(0.333333333333333),
	} {
		if got := string(appendExits(nil, []exit.Policy{want, want})); got != text+";"+text {
			t.Errorf("%+v: %q", want, got)
		}
		if got, err := parseExits("serflow_exits", text, 1); err != nil || !reflect.DeepEqual(got, []exit.Policy{want}) {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", " ", "maxprob", "maxprob ", "maxprob  0.5", " maxprob 0.5", "maxprob 0.5 ", "maxprob 0.5 1 1", "maxprob 0.5,1",
		"maxprob NaN", "maxprob Inf", "maxprob 0x1p-2", "maxprob 1_0", "maxprob 1e999", "MaxProb 0.5", "patience", "patience 1.5", "patience -1", "patience +1",
		"patience 2147483648", "never 1 1", "never ", "final x", "unknown 1"} {
		if got, err := parseExits("serflow_exits", text, 1); err == nil {
			t.Errorf("%q was taken for %+v", text, got)
		}
	}
}

// A parameter that a kind does not read is not carried.
func TestUnreadParametersAreNotCarried(t *testing.T) {
	p := exit.Policy{Kind: exit.KindFinal, Threshold: 0.5, Patience: 3, Temperature: 2}
	if got := string(appendExits(nil, []exit.Policy{p})); got != "final 2" {
		t.Errorf("got %q", got)
	}
}
