package wire

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/serflow/serflow-go/stage"
)

// tight are limits small enough to go beyond in a line.
var tight = Limits{Header: 900, Tensors: 2, Rows: 4, Dims: 3, Name: 8}

const ours = `"parameters":{"serflow_version":1,"serflow_first":1,"serflow_last":2%s}`

func TestHostileRequests(t *testing.T) {
	const x = `{"name":"x","shape":[2],"datatype":"UINT8","parameters":{"binary_data_size":2}}`
	inputs := func(tensors ...string) string { return `{"inputs":[` + strings.Join(tensors, ",") + `]}` }
	with := func(parameters string) string {
		return `{` + fmt.Sprintf(ours, parameters) + `,"inputs":[` + x + `]}`
	}
	for name, c := range map[string]struct {
		header, data string
		code         Code
		texts        []string
	}{
		"no JSON":             {`hello`, "", Invalid, []string{"not the JSON of the Open Inference Protocol", `begins "hello"`}},
		"a number":            {"7", "", Invalid, []string{"a part of it is a number where object is wanted"}},
		"a canonical shape":   {`{"id":"","parameters":{"serflow_version":1,"serflow_fingerprint":"","serflow_generation":0,"serflow_first":0,"serflow_last":0},"inputs":[{"name":"x","shape":[1` + strings.Repeat(",1", 255) + `],"datatype":"UINT8","parameters":{"binary_data_size":1}}]}`, "1", TooLarge, []string{"256 dimensions"}},
		"cut short":           {`{"inputs":[`, "", Invalid, []string{"unexpected end"}},
		"text after it":       {inputs(x) + `}`, "\x01\x02", Invalid, []string{"after top-level value"}},
		"depth bomb":          {strings.Repeat(`[`, 500), "", Invalid, []string{"not the JSON"}},
		"wrong type":          {`{"inputs":[{"name":7}]}`, "", Invalid, []string{"name is a number where string is wanted"}},
		"inputs no array":     {`{"inputs":{}}`, "", Invalid, []string{"must be an array"}},
		"an input no object":  {`{"inputs":[7]}`, "", Invalid, []string{"where object is wanted"}},
		"no inputs":           {`{}`, "", Invalid, []string{"no tensors"}},
		"null inputs":         {`{"inputs":null}`, "", Invalid, []string{"must be an array"}},
		"no name":             {inputs(`{"shape":[1],"datatype":"UINT8","data":[1]}`), "", Invalid, []string{"without a name"}},
		"long name":           {inputs(`{"name":"123456789","shape":[1],"datatype":"UINT8","data":[1]}`), "", TooLarge, []string{"9 bytes", "limit is 8"}},
		"long ID":             {`{"id":"123456789","inputs":[` + x + `]}`, "\x01\x02", TooLarge, []string{"an ID of 9 bytes"}},
		"long fingerprint":    {with(`,"serflow_fingerprint":"123456789"`), "\x01\x02", TooLarge, []string{"fingerprint of 9 bytes"}},
		"unknown type":        {inputs(`{"name":"x","shape":[1],"datatype":"fp32","data":[1]}`), "", Invalid, []string{`unknown data type "fp32"`, "such as FP32"}},
		"no type":             {inputs(`{"name":"x","shape":[1],"data":[1]}`), "", Invalid, []string{`unknown data type ""`}},
		"negative shape":      {inputs(`{"name":"x","shape":[1,-1],"datatype":"UINT8","data":[1]}`), "", Invalid, []string{"negative dimension"}},
		"negative rows":       {inputs(`{"name":"x","shape":[-1],"datatype":"UINT8","data":[1]}`), "", Invalid, []string{"negative dimension"}},
		"overflowing shape":   {inputs(`{"name":"x","shape":[2,4294967296,4294967296],"datatype":"UINT8","data":[1]}`), "", Invalid, []string{"overflows"}},
		"shape beyond int64":  {inputs(`{"name":"x","shape":[9223372036854775808],"datatype":"UINT8","data":[1]}`), "", Invalid, []string{"9223372036854775808", "int64 is wanted"}},
		"shape not whole":     {inputs(`{"name":"x","shape":[1.5],"datatype":"UINT8","data":[1]}`), "", Invalid, []string{"1.5"}},
		"scalar":              {inputs(`{"name":"x","shape":[],"datatype":"UINT8","data":[1]}`), "", Invalid, []string{"no rows"}},
		"no shape":            {inputs(`{"name":"x","datatype":"UINT8","data":[1]}`), "", Invalid, []string{"no rows"}},
		"no rows":             {inputs(`{"name":"x","shape":[0,2],"datatype":"UINT8","data":[]}`), "", Invalid, []string{"no rows"}},
		"too many rows":       {inputs(`{"name":"x","shape":[5],"datatype":"UINT8","data":[1,1,1,1,1]}`), "", TooLarge, []string{"5 rows", "limit is 4", "send fewer"}},
		"too many dimensions": {inputs(`{"name":"x","shape":[1,1,1,1],"datatype":"UINT8","data":[1]}`), "", TooLarge, []string{"4 dimensions", "limit is 3"}},
		"a shape for memory":  {inputs(`{"name":"x","shape":[` + strings.Repeat("1,", 255) + `1],"datatype":"UINT8","data":[1]}`), "", TooLarge, []string{"256 dimensions", "no more than 255"}},
		"too many tensors":    {inputs(`{}`, `{}`, `{}`), "", TooLarge, []string{"more than 2"}},
		"too many wanted":     {`{"inputs":[` + x + `],"outputs":[{},{},{}]}`, "\x01\x02", TooLarge, []string{"more than 2"}},
		"wanted twice":        {`{"inputs":[` + x + `],"outputs":[{"name":"y"},{"name":"y"}]}`, "\x01\x02", Invalid, []string{`"y" is wanted twice`}},
		"wanted without name": {`{"inputs":[` + x + `],"outputs":[{}]}`, "\x01\x02", Invalid, []string{"output without a name"}},
		"duplicate names":     {inputs(x, x), "\x01\x02\x01\x02", Invalid, []string{`two tensors are named "x"`}},
		"differing rows": {inputs(x, `{"name":"y","shape":[3],"datatype":"UINT8","parameters":{"binary_data_size":3}}`), "\x01\x02\x01\x02\x03", Invalid,
			[]string{`"y" has 3 rows; "x" has 2`}},

		"size beyond the body": {inputs(`{"name":"x","shape":[4],"datatype":"UINT8","parameters":{"binary_data_size":4}}`), "123", Invalid, []string{"binary_data_size 4", "3 bytes are left"}},
		"huge size":            {inputs(`{"name":"x","shape":[4],"datatype":"UINT8","parameters":{"binary_data_size":9223372036854775807}}`), "1234", Invalid, []string{"4 bytes are left"}},
		"negative size":        {inputs(`{"name":"x","shape":[4],"datatype":"UINT8","parameters":{"binary_data_size":-4}}`), "1234", Invalid, []string{"binary_data_size -4"}},
		"negative BYTES":       {inputs(`{"name":"x","shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":-4}}`), "1234", Invalid, []string{"binary_data_size -4"}},
		"size not of shape":    {inputs(`{"name":"x","shape":[4],"datatype":"UINT16","parameters":{"binary_data_size":4}}`), "1234", Invalid, []string{"binary_data_size 4", "UINT16 of shape [4] needs 8"}},
		"left over":            {inputs(x), "123", Invalid, []string{"1 bytes of binary data are left over"}},
		"data and size":        {inputs(`{"name":"x","shape":[2],"datatype":"UINT8","data":[1,2],"parameters":{"binary_data_size":2}}`), "12", Invalid, []string{"both data and binary_data_size"}},
		"neither":              {inputs(`{"name":"x","shape":[2],"datatype":"UINT8"}`), "", Invalid, []string{"neither data nor binary_data_size"}},
		"BYTES cut short":      {inputs(`{"name":"x","shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":6}}`), "\x03\x00\x00\x00ab", Invalid, []string{"claims 3 bytes; 2 are left"}},
		"BYTES too few":        {inputs(`{"name":"x","shape":[2],"datatype":"BYTES","parameters":{"binary_data_size":5}}`), "\x01\x00\x00\x00a", Invalid, []string{"1 BYTES elements", "needs 2"}},

		"version 2":          {`{"parameters":{"serflow_version":2,"serflow_first":"other"},"inputs":[]}`, "", BadVersion, []string{"version 2 ", "version 1", "same release"}},
		"version as text":    {`{"parameters":{"serflow_version":"1"},"inputs":[]}`, "", BadVersion, []string{`version "1" `}},
		"null version":       {`{"parameters":{"serflow_version":null},"inputs":[]}`, "", BadVersion, []string{"version null"}},
		"no stages":          {`{"parameters":{"serflow_version":1},"inputs":[` + x + `]}`, "12", Invalid, []string{"serflow_first and serflow_last"}},
		"stages reversed":    {with(`,"serflow_last":0`), "12", Invalid, []string{"stages 1 to 0"}},
		"stages without end": {with(`,"serflow_last":9223372036854775807`), "12", Invalid, []string{"up to 65535"}},
		"negative remaining": {with(`,"serflow_remaining_ns":-1`), "12", Invalid, []string{"-1ns remain", "whose time is over"}},
		"generation":         {with(`,"serflow_generation":-1`), "12", Invalid, []string{"serflow_generation is a number -1"}},
		"exits of others":    {with(`,"serflow_exits":"never"`), "12", Invalid, []string{"1 policies for 2 stages"}},
		"an exit of no kind": {with(`,"serflow_exits":"never;sometimes 1"`), "12", Invalid, []string{`"sometimes 1" is no exit policy`, "maxprob 0.93"}},
		"a threshold of 2":   {with(`,"serflow_exits":"never;maxprob 2"`), "12", Invalid, []string{"threshold 2", "from 0 to 1"}},
		"asked of others":    {with(`,"serflow_asked":"never"`), "12", Invalid, []string{"serflow_asked has 1 policies for 2 stages"}},
		"asked of no kind":   {with(`,"serflow_asked":"never;often"`), "12", Invalid, []string{`serflow_asked: "often" is no exit policy`}},
		"asked beyond 1":     {with(`,"serflow_asked":"never;entropy 2"`), "12", Invalid, []string{"threshold 2", "from 0 to 1"}},
		"states of others":   {with(`,"serflow_states":"1:1"`), "12", Invalid, []string{"1 states for 2 rows"}},
		"a state of no form": {with(`,"serflow_states":"1:1,1:-1"`), "12", Invalid, []string{`row 1 has "1:-1"`, "class:run"}},
	} {
		_, err := DecodeRequest([]byte(c.header+c.data), len(c.header), tight)
		wantError(t, name, err, c.code, c.texts...)
	}
	// The frame around them is good, and so is what just meets the limits.
	if _, err := DecodeRequest([]byte(with("")+"12"), len(with("")), tight); err != nil {
		t.Error(err)
	}
	const most = `{"id":"12345678","inputs":[{"name":"12345678","shape":[4,1,1],"datatype":"UINT8","data":[1,2,3,4]},{"name":"y","shape":[4],"datatype":"UINT8","data":[1,2,3,4]}]}`
	if _, err := DecodeRequest([]byte(most), -1, tight); err != nil {
		t.Error(err)
	}
	full := most + strings.Repeat(" ", tight.Header-len(most))
	if _, err := DecodeRequest([]byte(full), len(full), tight); err != nil {
		t.Error(err)
	}
}

func TestHostileHeaderLengths(t *testing.T) {
	body := []byte(documentedBinary + documentedData)
	for _, c := range []struct {
		n     int
		code  Code
		texts []string
	}{
		{-2, Invalid, []string{"header of -2 bytes"}},
		{0, Invalid, []string{"header of 0 bytes", "begins with a JSON header"}},
		{len(body) + 1, Invalid, []string{"in a body of", "cut short"}},
		{len(documentedBinary) - 1, Invalid, []string{"unexpected end"}},
		{len(documentedBinary) + 1, Invalid, []string{"invalid character"}},
		{-1, Invalid, []string{"after top-level value"}},
	} {
		_, err := DecodeRequest(body, c.n, Limits{})
		wantError(t, fmt.Sprint(c.n), err, c.code, c.texts...)
		_, err = DecodePlainReply(body, c.n, Limits{})
		wantError(t, fmt.Sprint("reply ", c.n), err, Internal)
	}
	_, err := DecodeRequest(body, len(documentedBinary), Limits{Header: len(documentedBinary) - 1})
	wantError(t, "beyond the limit", err, TooLarge, "the limit is", "send fewer")
	_, err = DecodeRequest([]byte(documentedBinary), -1, Limits{})
	wantError(t, "binary without a header length", err, Invalid, "0 bytes are left", HeaderLength)
	for value, want := range map[string]int{"": -1, "0": 0, "17": 17, "2147483647": 1<<31 - 1} {
		if n, err := ParseHeaderLength(value); err != nil || n != want {
			t.Errorf("%q: %d, %v", value, n, err)
		}
	}
	for _, value := range []string{"-1", "+1", "x", "1.5", " 1", "0x10", "2147483648", "99999999999999999999"} {
		_, err := ParseHeaderLength(value)
		wantError(t, value, err, Invalid, HeaderLength, "number of bytes")
	}
}

func TestHostileJSONData(t *testing.T) {
	for _, c := range []struct{ dtype, shape, data, text string }{
		{"UINT8", "[1]", "[300]", `"300" does not fit UINT8: send an integer in its range`},
		{"UINT8", "[1]", "[-1]", `"-1" does not fit UINT8`},
		{"INT8", "[1]", "[128]", `"128" does not fit INT8`},
		{"INT64", "[1]", "[9223372036854775808]", "does not fit INT64"},
		{"UINT64", "[1]", "[18446744073709551616]", "does not fit UINT64"},
		{"INT32", "[1]", "[1.5]", "does not fit INT32"},
		{"INT32", "[1]", `["1"]`, "does not fit INT32"},
		{"INT32", "[1]", "[null]", "does not fit INT32"},
		{"INT32", "[1]", "[true]", "does not fit INT32"},
		{"FP32", "[1]", "[1e39]", `"1e39" does not fit FP32: send a number in its range`},
		{"FP64", "[1]", "[1e309]", "does not fit FP64"},
		{"FP32", "[1]", `["NaN"]`, "does not fit FP32"},
		{"FP32", "[1]", `["1"]`, "does not fit FP32"},
		{"FP32", "[1]", "[null]", "does not fit FP32"},
		{"FP32", "[1]", "[NaN]", "not the JSON"},
		{"BOOL", "[1]", "[1]", `"1" does not fit BOOL: send true or false`},
		{"BYTES", "[1]", "[1]", `"1" does not fit BYTES: send a string`},
		{"FP16", "[1]", "[1]", "FP16 has no JSON form: send it in binary"},
		{"BF16", "[1]", "[1]", "BF16 has no JSON form: send it in binary"},
		{"INT32", "[2]", "[1]", "needs 2 elements"},
		{"INT32", "[3]", "[1,22222]", "an array has 2 elements, not 3"},
		{"INT32", "[2]", "[1,2,3]", "more than 2 elements"},
		{"INT32", "[1]", "[]", "an array has 0 elements, not 1"},
		{"INT32", "[2,2]", "[[1,2],[3]]", "an array has 1 elements, not 2"},
		{"INT32", "[2,2]", "[[1],[2,3,4]]", "an array has 1 elements, not 2"},
		{"INT32", "[2,2]", "[[1,2,3],[4]]", "more than 2 elements"},
		{"INT32", "[2,2]", "[[1,2],[3,4],[5,6]]", "more than 2 elements"},
		{"INT32", "[2,2]", "[[1,2],3,4]", `"3" stands where`},
		{"INT32", "[2,2]", "[1,2,[3,4]]", `"[" stands where`},
		{"INT32", "[2,2]", "[[[1,2]],[[3,4]]]", `"[" stands where`},
		{"INT32", "[4]", "[[1,2],[3,4]]", `"[" stands where`},
		{"INT32", "[2]", `[{"a":1},2]`, `"{" does not fit INT32`},
		{"INT32", "[1]", "77", `data is "77": send an array`},
		{"INT32", "[1]", "null", "data is \"null\": send an array"},
		{"INT32", "[1]", `{"a":[1]}`, "send an array"},
		{"FP64", "[2,1000000000,1000000]", "[1]", "needs 2000000000000000 elements; data has fewer"},
	} {
		body := fmt.Sprintf(`{"inputs":[{"name":"x","shape":%s,"datatype":"%s","data":%s}]}`, c.shape, c.dtype, c.data)
		_, err := DecodeRequest([]byte(body), -1, Limits{})
		wantError(t, c.dtype+" "+c.shape+" "+c.data, err, Invalid, c.text)
	}
}

func TestHostileReplies(t *testing.T) {
	const x = `{"name":"x","shape":[1],"datatype":"UINT8","parameters":{"binary_data_size":1,"serflow_part":%d}}`
	reply := func(parts string, outputs ...string) string {
		return `{"model_name":"m","id":"","parameters":{"serflow_version":1,"serflow_service_ns":0,"serflow_load":0,"serflow_parts":"` + parts + `"},"outputs":[` + strings.Join(outputs, ",") + `]}`
	}
	seen := func(parts, text string) string {
		return strings.Replace(reply(parts), `"},"outputs"`, `","serflow_seen":"`+text+`"},"outputs"`, 1)
	}
	of := func(part int) string { return fmt.Sprintf(x, part) }
	for name, c := range map[string]struct{ header, data, text string }{
		"no JSON":             {"<html>", "", "not the JSON"},
		"not ours":            {`{"outputs":[]}`, "", "none of serflow's additions"},
		"no parts":            {reply(""), "", "part 0 is \"\""},
		"a row missing":       {reply("go 1 0"), "", "the parts have 1 of 2 rows"},
		"a row too many":      {reply("go 1 0,1,2"), "", "3 rows; 2 were sent"},
		"a row twice":         {reply("go 1 0;go 1 0"), "", "row 0 is in two parts"},
		"a row twice in one":  {reply("go 1 0,0"), "", "rows must ascend"},
		"rows descend":        {reply("go 1 1,0"), "", "row 0 comes after row 1"},
		"no such row":         {reply("go 1 0,2"), "", "row 2 is in a part; 2 rows were sent"},
		"negative row":        {reply("go 1 -1,0"), "", "part 0 is"},
		"stages fall":         {reply("exit 3 0:1:1;exit 2 1:1:1"), "", "a part of stage 2 comes after one of stage 3"},
		"exit too early":      {reply("exit 0 0:1:1,1:1:1"), "", "the exit of stage 0; stages 1 to 3"},
		"exit too late":       {reply("exit 4 0:1:1,1:1:1"), "", "the exit of stage 4"},
		"on too early":        {reply("go 0 0,1"), "", "go on at stage 0; stages 1 to 3"},
		"on too late":         {reply("go 5 0,1"), "", "go on at stage 5; stages 1 to 3"},
		"on without inputs":   {reply("go 2 0,1"), "", "stage 2 without its inputs"},
		"unknown word":        {reply("stay 1 0,1"), "", `part 0 is "stay 1 0,1"`},
		"no class":            {reply("exit 1 0,1"), "", "part 0 is"},
		"no confidence":       {reply("exit 1 0:1,1:1"), "", "part 0 is"},
		"confidence of 2":     {reply("exit 1 0:1:2,1:1:1"), "", "confidence 2"},
		"confidence NaN":      {reply("exit 1 0:1:NaN,1:1:1"), "", "part 0 is"},
		"class -2":            {reply("exit 1 0:-2:1,1:1:1"), "", "part 0 is"},
		"class beyond int32":  {reply("exit 1 0:2147483648:1,1:1:1"), "", "part 0 is"},
		"states of some":      {reply("go 1 0:1:1,1"), "", "part 0 is"},
		"state of none":       {reply("go 1 0:,1:"), "", "part 0 is"},
		"negative state":      {reply("go 1 0:-1:1,1:1:1"), "", "part 0 is"},
		"output of no part":   {reply("go 1 0;go 1 1", of(2)), "1", "serflow_part 2; there are 2 parts"},
		"output without part": {reply("go 1 0;go 1 1", `{"name":"x","shape":[1],"datatype":"UINT8","parameters":{"binary_data_size":1}}`), "1", "serflow_part -1"},
		"outputs out of turn": {reply("go 1 0;go 1 1", of(0), of(1), of(0)), "123", "order outputs by part"},
		"output of more rows": {reply("go 1 0,1", of(0)), "1", "a part of 2 rows has outputs of 1"},
		"outputs differ":      {reply("go 1 0;go 1 1", of(0), strings.Replace(of(0), `"x"`, `"y"`, 1), of(1)), "12", "0 bytes are left"},
		"duplicate names":     {reply("go 1 0;go 1 1", of(0), of(0)), "12", `two tensors are named "x"`},
		"left over":           {reply("go 1 0,1"), "1", "left over"},
		"times of no form":    {strings.Replace(reply("go 1 0,1"), `"serflow_service_ns":0`, `"serflow_service_ns":0,"serflow_stage_ns":"1,,2"`, 1), "", `serflow_stage_ns has ""`},
		"a negative time":     {strings.Replace(reply("go 1 0,1"), `"serflow_service_ns":0`, `"serflow_service_ns":0,"serflow_stage_ns":"-1"`, 1), "", `serflow_stage_ns has "-1"`},
		"too many times":      {strings.Replace(reply("go 1 0,1"), `"serflow_service_ns":0`, `"serflow_service_ns":0,"serflow_stage_ns":"`+strings.Repeat("1,", 99)+`1"`, 1), "", "has 100 times"},
		"seen of no form":     {seen("go 1 0,1", "0.5;"), "", `serflow_seen: row 0 has "0.5"`},
		"seen of others":      {seen("go 1 0,1", "1:1"), "", "serflow_seen has 1 rows; 2 were sent"},
		"seen of more stages": {seen("go 1 0,1", "1:1,1:1,1:1,1:1;"), "", "row 0 has 4 exits, of 3 stages"},
		"seen, and not run":   {seen("go 1 0,1", "1:1;"), "", "serflow_seen has 1 exits of row 0, for which 0 have run"},
		"run, and not seen":   {seen("exit 2 0:1:1,1:1:1", "1:1,1:1;1:1"), "", "serflow_seen has 1 exits of row 1, for which 2 have run"},
		"a score below 0":     {seen("exit 1 0:1:1,1:1:1", "1:-1;1:1"), "", "an exit said {Class:1 Score:-1}"},
		"a score NaN":         {seen("exit 1 0:1:1,1:1:1", "1:NaN;1:1"), "", `serflow_seen: row 0 has "1:NaN"`},
		"seen of class -2":    {seen("exit 1 0:1:1,1:1:1", "-2:1;1:1"), "", `serflow_seen: row 0 has "-2:1"`},
		"negative service":    {strings.Replace(reply("go 1 0,1"), `"serflow_service_ns":0`, `"serflow_service_ns":-1`, 1), "", "service -1ns"},
		"negative load":       {strings.Replace(reply("go 1 0,1"), `"serflow_load":0`, `"serflow_load":-1`, 1), "", "load -1"},
		"long ID":             {strings.Replace(reply("go 1 0,1"), `"id":""`, `"id":"123456789"`, 1), "", "ID of 9 bytes"},
		"long model":          {strings.Replace(reply("go 1 0,1"), `"m"`, `"123456789"`, 1), "", "model's name of 9 bytes"},
		"too many tensors":    {reply("go 1 0;go 1 1", strings.Split(strings.Repeat("{} ", 11), " ")[:11]...), "", "more than 10"},
	} {
		_, err := DecodeReply([]byte(c.header+c.data), len(c.header), 2, stage.Range{First: 1, Last: 3}, tight)
		wantError(t, name, err, Internal, "a reply that cannot be used: ", c.text)
	}
	good := reply("go 1 0;exit 1 1:2:0.5", of(0), of(1))
	if _, err := DecodeReply([]byte(good+"12"), len(good), 2, stage.Range{First: 1, Last: 3}, tight); err != nil {
		t.Error(err)
	}
	_, err := DecodeReply([]byte(strings.Replace(good, `version":1`, `version":7`, 1)+"12"), len(good), 2, stage.Range{First: 1, Last: 3}, tight)
	wantError(t, "another version", err, BadVersion, "a reply of version 7", "speaks version 1")
	for _, rows := range []int{0, -1} {
		_, err := DecodeReply([]byte(good+"12"), len(good), rows, stage.Range{First: 1, Last: 3}, tight)
		wantError(t, "no rows sent", err, Internal, "never sent")
	}
	long := good + strings.Repeat(" ", 900+2*256)
	_, err = DecodeReply([]byte(long), len(long), 2, stage.Range{First: 1, Last: 3}, tight)
	wantError(t, "long header", err, Internal, "the limit is 1412")
	_, err = DecodeReply([]byte(good+"12"), len(good), 2, stage.Range{First: 3, Last: 1}, tight)
	wantError(t, "no stages sent", err, Internal, "never sent")
}

func TestHostilePlainReplies(t *testing.T) {
	for header, text := range map[string]string{
		`{}`:             "no tensors",
		`{"outputs":[]}`: "no tensors",
		`{"error":"no"}`: "no tensors",
		`{"outputs":[{"name":"x","shape":[0,2],"datatype":"UINT8","data":[]}]}`:                                                         "no rows",
		`{"outputs":[{"name":"x","shape":[2],"datatype":"UINT8","data":[1,2]},{"name":"y","shape":[1],"datatype":"UINT8","data":[1]}]}`: `"y" has 1 rows; "x" has 2`,
		`{"outputs":[{"name":"x","shape":[1],"datatype":"UINT8","data":[1]},{"name":"x","shape":[1],"datatype":"UINT8","data":[1]}]}`:   "two tensors are named",
	} {
		_, err := DecodePlainReply([]byte(header), -1, Limits{})
		wantError(t, header, err, Internal, "a reply that cannot be used: ", text)
	}
}

// What a message makes its reader allocate is bounded by the limits and its own length.
func TestHostileAllocation(t *testing.T) {
	const mib = 1 << 20
	long := func(begin, repeated, end string) string {
		return begin + strings.Repeat(repeated, (mib-len(begin)-len(end))/len(repeated)) + end
	}
	parts := func(text string) string {
		return `{"model_name":"","id":"","parameters":{"serflow_version":1,"serflow_service_ns":0,"serflow_load":0,"serflow_parts":"` + text + `"},"outputs":[]}`
	}
	for name, header := range map[string]string{
		"tensors":        long(`{"inputs":[{}`, `,{}`, `]}`),
		"wanted":         long(`{"inputs":[],"outputs":[{}`, `,{}`, `]}`),
		"canonical":      long(`{"id":"","parameters":{"serflow_version":1,"serflow_fingerprint":"","serflow_generation":0,"serflow_first":0,"serflow_last":0},"inputs":[`, `{"name":"`, `"]}`),
		"shape":          long(`{"inputs":[{"shape":[1`, `,1`, `]}]}`),
		"exits":          long(`{"parameters":{"serflow_version":1,"serflow_first":0,"serflow_last":1,"serflow_exits":"`, `;`, `"},"inputs":[{"name":"x","shape":[1],"datatype":"UINT8","data":[1]}]}`),
		"asked":          long(`{"parameters":{"serflow_version":1,"serflow_first":0,"serflow_last":1,"serflow_asked":"`, `;`, `"},"inputs":[{"name":"x","shape":[1],"datatype":"UINT8","data":[1]}]}`),
		"seen":           strings.Replace(parts("go 1 0"), `"},"outputs"`, `","serflow_seen":"`+strings.Repeat(",", mib/2)+`"},"outputs"`, 1),
		"rows seen":      strings.Replace(parts("go 1 0"), `"},"outputs"`, `","serflow_seen":"`+strings.Repeat(";", mib/2)+`"},"outputs"`, 1),
		"states":         long(`{"parameters":{"serflow_version":1,"serflow_first":0,"serflow_last":1,"serflow_states":"`, `,`, `"},"inputs":[{"name":"x","shape":[1],"datatype":"UINT8","data":[1]}]}`),
		"elements":       `{"inputs":[{"name":"x","shape":[1,1000000000],"datatype":"FP64","data":[1]}]}`,
		"parts":          parts(strings.Repeat(";", mib/2)),
		"rows of a part": parts("go 1 " + strings.Repeat(",", mib/2)),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, asRequest := DecodeRequest([]byte(header), len(header), Limits{})
		_, asReply := DecodeReply([]byte(header), len(header), 1, stage.Range{First: 1, Last: 3}, Limits{})
		runtime.ReadMemStats(&after)
		if asRequest == nil || asReply == nil {
			t.Errorf("%s: taken", name)
		}
		// The message itself is copied twice here, and encoding/json reads parts of it again.
		if got := after.TotalAlloc - before.TotalAlloc; got > 13*mib {
			t.Errorf("%s: %d bytes allocated for a header of %d", name, got, len(header))
		}
	}
}
