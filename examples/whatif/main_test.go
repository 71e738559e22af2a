//go:build !race

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/serflow/serflow-go/provisioner/simulate/compare"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func outputOf(t *testing.T, stdin string, args ...string) (stdout string, code int, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, strings.NewReader(stdin), &out, &errs)
	return out.String(), code, errs.String()
}

// logOf is so many lines in each of some seconds.
func logOf(seconds, each int) string {
	var b strings.Builder
	for i := range seconds * each {
		fmt.Fprintf(&b, "::1 - - [10/Oct/2025:13:%02d:%02d -0700] \"GET / HTTP/1.0\" 200 1\n", i/each/60, i/each%60)
	}
	return b.String()
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// Without arguments it runs on its sample, and says all that it should.
func TestSample(t *testing.T) {
	out, code, errs := outputOf(t, "")
	if code != 0 {
		t.Fatal(errs)
	}
	for _, want := range append(compare.Policies(), "34977 requests", "read as common", "▃▃▃", "BERT-base", "SLO ", "nothing costs less",
		"c7g.large spot", "Lambda 1769 MB", "The plan that Serflow would run", "VMs for stages 1-4") {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// A log of one's own is run at its own rate, and drawn.
func TestOnesOwn(t *testing.T) {
	document := write(t, "mine.json", `{"version":1,"stages":["a","b"],"reach":{"shares":[1,0.5],"from":"by hand"},"offers":{
		"mine":{"boot":"20s","times":[{"mean":"10ms"}]},"fn":{"times":[{"mean":"10ms"}]}}}`)
	sheet := write(t, "prices.json", `{"name":"own","vms":[{"name":"mine","like":"","vcpus":1,"memoryGB":1,"perHour":0.02}],
		"functions":[{"name":"fn","like":"","memoryMB":1024,"perCall":1e-7,"perGBSecond":2e-5}]}`)
	page := filepath.Join(t.TempDir(), "page.html")
	out, code, errs := outputOf(t, logOf(120, 20), "-profile", document, "-prices", sheet, "-html", page, "-json", "-", "-")
	if code != 0 {
		t.Fatal(errs)
	}
	var r compare.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	if r.Seconds != 120 || math.Abs(r.Requests.Mean-2400) > 250 || r.SLO != 0.1 || r.Seeds != 1 || !strings.HasPrefix(r.Traffic, "-") || r.Planned == "" {
		t.Errorf("%v requests in %d s, SLO %v, %q", r.Requests, r.Seconds, r.SLO, r.Traffic)
	}
	if drawn, err := os.ReadFile(page); err != nil || strings.Count(string(drawn), "<svg") < 10 {
		t.Errorf("%d bytes, %v", len(drawn), err)
	}
}

// Several logs are one.
func TestSeveral(t *testing.T) {
	text := logOf(120, 20)
	first, second := write(t, "first.log", text[:len(text)/2]), write(t, "second.log", text[len(text)/2:])
	l, name, err := settings{logs: []string{second, first}}.read(nil)
	if err != nil || l.Requests != 2400 || len(l.Seconds) != 120 || name != second+" and 1 more" {
		t.Errorf("%+v, %q, %v", l, name, err)
	}
}

func TestBadArguments(t *testing.T) {
	folder := t.TempDir()
	for want, args := range map[string][]string{
		"-seeds 0":                   {"-seeds", "0"},
		"-slo -1s":                   {"-slo", "-1s"},
		"-runs NaN":                  {"-runs", "NaN"},
		"no profile \"lenet\"":       {"-profile", "lenet"},
		"no such file":               {filepath.Join(folder, "none.log")},
		"line 1: no time":            {write(t, "bad.log", "?\n")},
		"5 requests in 5s":           {write(t, "short.log", logOf(5, 1))},
		"meets the SLO of 1ms":       {"-slo", "1ms"},
		"-html: open":                {"-html", filepath.Join(folder, "no", "file")},
		"not defined":                {"-unknown"},
		`no time is found in "{\"t`:  {"-key", "when", write(t, "other.log", `{"time":"2000-10-10T20:55:36Z"}`)},
		"begins like a gzip file":    {write(t, "bad.gz", "\x1f\x8bno")},
		"there is no request in it:": {"-"},
	} {
		if _, code, errs := outputOf(t, "", args...); code != 2 || !strings.Contains(errs, want) {
			t.Errorf("%q: exit code %d, %q, want %q", args, code, errs, want)
		}
	}
	if _, code, errs := outputOf(t, "", "-help"); code != 0 || !strings.Contains(errs, "access.log") {
		t.Errorf("-help: %d, %q", code, errs)
	}
}

func TestSparks(t *testing.T) {
	if got := sparks([]uint32{0, 0, 4, 4, 8, 8, 1}, 4); got != "▁▅█▂" {
		t.Errorf("%s", got)
	}
}

// A log with too many requests is cut to days or hours like the mean.
func TestWindow(t *testing.T) {
	counts := make([]uint32, 100*3600) // an hour of little, and then of ever more
	for i := range counts {
		counts[i] = uint32(i / 3600)
	}
	for enough, want := range map[float64][2]int{
		1e9:                   {0, 100 * 3600},
		49.5 * 3600 * 30:      {38 * 3600, 62 * 3600}, // 24 of 30 hours
		49.5 * 3600 * 5.5:     {47 * 3600, 52 * 3600},
		1:                     {49 * 3600, 50 * 3600},
		49.5 * 3600 * 99.9999: {2 * 3600, 98 * 3600},
	} {
		if from, to := window(counts, enough); [2]int{from, to} != want {
			t.Errorf("%v: %d to %d hours, want %v", enough, from/3600, to/3600, want)
		}
	}
	if from, to := window(counts[:1800], -1); from != 0 || to != 1800 {
		t.Errorf("half an hour is cut to %d to %d", from, to)
	}
}
