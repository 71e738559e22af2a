package accesslog_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/serflow/serflow-go/provisioner/simulate/accesslog"
)

// logs are three requests, at 20:55:36, 20:55:38 and 20:55:38 of 2000-10-10 in UTC, as servers write them.
var logs = map[string]string{
	"common": `127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326
::1 - - [10/Oct/2000:13:55:38 -0700] "GET / HTTP/1.0" 200 [2326]
127.0.0.1 - - [10/Oct/2000:22:55:38 +0200] "GET /[a] HTTP/1.0" 200 -
`,
	"combined": `example.org:80 [x] 127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 2326 "http://www.example.com/" "Mozilla/4.08 [en] (Win98; I ;Nav)"

1.1.1.1 - a [10/Oct/2000:20:55:38 +0000] "GET / HTTP/1.1" 200 23 "-" "curl"` + "\r\n" + `1.1.1.1 - a [10/Oct/2000:20:55:38 +0000] "" 400 0 "-" "-"`,
	"JSON, nginx": `{"time_iso8601":"2000-10-10T20:55:36+00:00","status":"200","request":"GET /?a=\"}{ HTTP/1.1"}
{"a":[{"time_iso8601":"1999-01-01T00:00:00Z"},"]"],"time_iso8601":"2000-10-10T22:55:38+02:00"}
 {"time_iso8601" : "2000-10-10T20:55:38Z" , "a":null}`,
	"JSON, Caddy": `{"level":"info","ts":971211336.25,"msg":"handled request"}
{"level":"info","ts":971211338,"request":{"ts":1}}
{"ts":971211338.999}`,
	"JSON, pino":          `{"level":30,"time":971211336000,"pid":1}` + "\n" + `{"time":971211338001}` + "\n" + `{"time":971211338999}`,
	"JSON, common times":  `{"time_local":"10/Oct/2000:13:55:36 -0700"}` + "\n" + `{"time_local":"10/Oct/2000:13:55:38 -0700"}` + "\n" + `{"time_local":"[10/Oct/2000:13:55:38 -0700]"}`,
	"JSON, the best name": `{"date":"2000-10-10T20:55:36Z","time":"2000-10-10T20:55:36Z"}` + "\n" + `{"date":"2001-10-10T20:55:36Z","time":"2000-10-10T20:55:38Z"}` + "\n" + `{"time":"2000-10-10T20:55:38Z"}`,
	"ALB": `http 2000-10-10T20:55:36.364000Z app/my-loadbalancer/50dc6c495c0c9188 192.168.131.39:2817 10.0.0.1:80 0.000 0.001 0.000 200 200 34 366 "GET http://www.example.com:80/ HTTP/1.1" "curl/7.46.0" - -
h2 2000-10-10T20:55:38.186641Z app/my-loadbalancer/50dc6c495c0c9188 10.0.1.252:48160 10.0.0.66:9000 0.000 0.002 0.000 200 200 5 257 "GET https://10.0.2.105:773/ HTTP/2.0" "curl/7.46.0"
ws 2000-10-10T20:55:38.364000Z app/my-loadbalancer/50dc6c495c0c9188 10.0.0.140:40914 10.0.1.192:8010 0.001 0.003 0.000 101 101 218 587 "GET http://10.0.0.30:80/ HTTP/1.1" "-"`,
	"Classic Load Balancer": "2000-10-10T20:55:36.945958Z my-loadbalancer 192.168.131.39:2817\n2000-10-10T20:55:38.9Z my-loadbalancer a\n2000-10-10T20:55:38.0Z my-loadbalancer a",
	"NLB":                   "tls 2.0 2000-10-10T20:55:36 net/my-network-loadbalancer/c6e\ntls 2.0 2000-10-10T20:55:38 net/a\ntls 2.0 2000-10-10T20:55:38 net/a",
	"CloudFront": "#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip\n2000-10-10\t20:55:36\tLAX1\t2390282\t192.0.2.202\n" +
		"2000-10-10\t20:55:38\tLAX1\t23\t192.0.2.202\n2000-10-10\t20:55:38\tLAX1\t23\t192.0.2.202\n",
	"CloudFront without its head": "2000-10-10\t20:55:36\tLAX1\n2000-10-10\t20:55:38\tLAX1\n2000-10-10\t20:55:38\tLAX1",
	"W3C with other columns":      "#Software: Microsoft Internet Information Services\n#Fields: s-ip date time\n::1 2000-10-10 20:55:36\n::1 2000-10-10 20:55:38\n::1 2000-10-10 20:55:38",
	"times":                       "2000-10-10 20:55:36.68059\n2000-10-10 20:55:38\n2000-10-10T20:55:38",
	"times with a zone":           "2000-10-10T13:55:36-07:00,a\n2000-10-10T13:55:38-0700,b\n2000-10-10T20:55:38Z,c",
	"CSV":                         "TIMESTAMP,tokens\n\"2000-10-10 20:55:36\",3\n\"2000-10-10 20:55:38\",3\n2000/10/10 20:55:38;3",
	"seconds":                     "971211336\n971211338.5\t1\n971211338",
	"milliseconds":                "t\n971211336001,x\n971211338000,x\n971211338999,x",
	"nanoseconds":                 "971211338999999999\n971211336000000000\n971211338000000000",
	"a byte order mark":           "\ufeff971211336\n971211338\n971211338",
	"out of order":                "2000-10-10 20:55:38\n2000-10-10 20:55:36\n2000-10-10 20:55:38",
}

func read(text string) (*accesslog.Counts, error) {
	var r accesslog.Reader
	if err := r.Read("access.log", strings.NewReader(text)); err != nil {
		return nil, err
	}
	return r.Counts()
}

func zipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	fmt.Fprint(w, text)
	w.Close()
	return b.String()
}

func TestFormats(t *testing.T) {
	for name, text := range logs {
		for _, text := range []string{text, zipped(text)} {
			c, err := read(text)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if got, want := fmt.Sprint(c.First, c.Seconds, c.Requests, c.Skipped, c.Bad), "2000-10-10 20:55:36 +0000 UTC [1 0 2] 3 0 <nil>"; got != want {
				t.Errorf("%s: %s, want %s", name, got, want)
			}
			if c.Length() != 3*time.Second || c.Rate() != 1 {
				t.Errorf("%s: %v, %v", name, c.Length(), c.Rate())
			}
		}
	}
}

// Several logs are one; each may have its own format.
func TestSeveral(t *testing.T) {
	var r accesslog.Reader
	for _, name := range []string{"common", "CloudFront", "CSV", "JSON, pino"} {
		if err := r.Read(name, strings.NewReader(logs[name])); err != nil {
			t.Fatal(err)
		}
	}
	c, err := r.Counts()
	if err != nil || fmt.Sprintf("%v %d %v %s", c.Seconds, c.Requests, c.Bad, c.Format) != "[4 0 8] 12 <nil> common" {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestKey(t *testing.T) {
	r := accesslog.Reader{Key: "when"}
	if err := r.Read("a", strings.NewReader(`{"time":5,"when":"2000-10-10T20:55:36Z"}`)); err != nil {
		t.Fatal(err)
	}
	if c, err := r.Counts(); err != nil || c.First.Unix() != 971211336 {
		t.Errorf("%+v, %v", c, err)
	}
}

// A log may have a few lines without a time, and says so. With more it is an error, with the line and a remedy.
func TestSkips(t *testing.T) {
	good := strings.Repeat("::1 - - [10/Oct/2000:13:55:36 -0700] \"GET / HTTP/1.0\" 200 1\n", 500)
	c, err := read(good + "torn off [10/Oct/2000:13\n" + strings.Repeat("x", 100_000) + "\n" + good)
	if err != nil || c.Requests != 1000 || c.Skipped != 2 || !strings.Contains(c.Bad.Error(), `"torn off [10/Oct/2000:13"`) {
		t.Errorf("%+v, %v", c, err)
	}
	for text, says := range map[string]string{
		"":                               "there is no request in it",
		"\n\n":                           "there is no request in it",
		"#Version: 1.0\n":                "there is no request in it",
		"#Fields: x\n1 2\n3 4\n":         "there is no request in it",
		"?\n":                            `access.log, line 1: no time is found in "?"`,
		"\n{\"a\":1}\n":                  `line 2: no time is found in "{\"a\":1}"`,
		"{\"time\":\"noon\"}\n":          "give a log in the common or combined format",
		"{\"time\"":                      "no time is found",
		"one,two\nthree,four\nfive,6\n":  "there is no request in it",
		"99999999999999999999\n":         "no time is found",
		"2000-13-10 20:55:36\n":          "no time is found",
		"2000-10-10 24:55:36\n":          "no time is found",
		"2000-10-10 20:55:36+25:00\n":    "no time is found",
		"2000-10-10 20:55:36\n86400\n":   "line 2: its time is 11239 days from that of others",
		good + strings.Repeat("x\n", 20): "lines have no time, the first such: no time of the common format in \"x\": are there lines of another format",
		good[:len(good)/50] + "x\nx\n":   "2 of 12 lines have no time",
		good + good + strings.Repeat("x\n", 20) + "[10/Oct/2000": "access.log, line 1011: 11 of 1011 lines",
		"\x1f\x8bnot gzip":     "it begins like a gzip file",
		zipped(good)[:40]:      "unexpected EOF",
		zipped("1\n") + "junk": "unexpected EOF",
	} {
		if _, err := read(text); !errors.Is(err, accesslog.ErrLog) || !strings.Contains(err.Error(), says) {
			t.Errorf("%.60q: %v, want %q", text, err, says)
		}
	}
	var r accesslog.Reader
	if err := r.Read("a", iotest.ErrReader(io.ErrClosedPipe)); !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
}

// FuzzRead reads whatever it is given, or says why not. Times that it finds are counted once each, and it reads the same
// from a file that is zipped.
func FuzzRead(f *testing.F) {
	for _, text := range logs {
		f.Add([]byte(text))
	}
	for _, text := range []string{"", "{", "{\"time\":\"\\", "[", "#", "#Fields: date time", "0", "-1", "0.", "a\n0", "[10/Oct/2000:13:55:36", "\x1f\x8b", "\ufeff", "{\"time\":{}}", "{\"time\":1}\n{}", "0001-01-01 00:00:00\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := read(string(data))
		if err != nil {
			if !errors.Is(err, accesslog.ErrLog) {
				t.Fatal(err)
			}
			return
		}
		sum := int64(0)
		for _, n := range c.Seconds {
			sum += int64(n)
		}
		if sum != c.Requests || sum == 0 || c.Seconds[0] == 0 || c.Seconds[len(c.Seconds)-1] == 0 {
			t.Fatalf("%d requests, %d in seconds %v", c.Requests, sum, c.Seconds)
		}
		if bytes.HasPrefix(data, []byte("\x1f\x8b")) {
			return
		}
		if again, err := read(zipped(string(data))); err != nil || again.Requests != c.Requests || again.First != c.First {
			t.Fatalf("zipped: %+v, %v, want %+v", again, err, c)
		}
	})
}

// BenchmarkRead reports the lines a second.
func BenchmarkRead(b *testing.B) {
	for _, bench := range []struct{ name, line string }{
		{"combined", `203.0.113.7 - - [%02d/Oct/2000:13:%02d:%02d -0700] "GET /v1/classify?id=000000%d HTTP/1.1" 200 2326 "https://www.example.com/page" "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"`},
		{"JSON", `{"remote":"203.0.113.7","time":"2000-10-%02dT13:%02d:%02dZ","request":"GET /v1/classify?id=000000%d HTTP/1.1","status":200,"bytes":2326,"agent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"}`},
		{"ALB", `https 2000-10-%02dT13:%02d:%02d.186641Z app/my-lb/50dc6c495c0c9188 10.0.1.252:48160 10.0.0.66:9000 0.000 0.002 0.000 200 200 5 257 "GET https://example.com:443/id%d HTTP/2.0" "curl/7.46.0"`},
		{"CloudFront", "2000-10-%02d\t13:%02d:%02d\tLAX1\t2390282\t192.0.2.202\tGET\td111111abcdef8.cloudfront.net\t/view/%d.pdf\t200\twww.example.com/\tMozilla/4.0"},
		{"timestamps", `2000-10-%02d 13:%02d:%02d.6805900,374,%d`},
	} {
		var text bytes.Buffer
		const lines = 20_000
		for i := range lines {
			fmt.Fprintf(&text, bench.line+"\n", 1+i/10_000, i/60%60, i%60, i)
		}
		for _, kind := range []struct{ name, text string }{{"plain", text.String()}, {"gzip", zipped(text.String())}} {
			b.Run(bench.name+"/"+kind.name, func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(text.Len()))
				for b.Loop() {
					c, err := read(kind.text)
					if err != nil || c.Requests != lines {
						b.Fatal(c, err)
					}
				}
				b.ReportMetric(lines*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
			})
		}
	}
}
