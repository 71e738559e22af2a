//go:build !race

package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
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

// tiny is a few minutes of little traffic under two policies.
var tiny = []string{"-profile", "vgg16", "-vcpus", "0.2", "-length", "5m", "-seeds", "1", "-policies", "CostOptimal; FunctionsOnly"}

func outputOf(t *testing.T, flags ...string) (stdout string, code int, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), append(tiny[:len(tiny):len(tiny)], flags...), &out, &errs)
	return out.String(), code, errs.String()
}

func reportOf(t *testing.T, flags ...string) (r compare.Report) {
	t.Helper()
	out, code, errs := outputOf(t, append(flags, "-json", "-")...)
	if code != 0 {
		t.Fatal(errs)
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestTable(t *testing.T) {
	folder := t.TempDir()
	lines, page, pictures := filepath.Join(folder, "lines.csv"), filepath.Join(folder, "page.html"), filepath.Join(folder, "pictures")
	out, code, errs := outputOf(t, "-csv", lines, "-html", page, "-png", pictures)
	if code != 0 {
		t.Fatal(errs)
	}
	for _, want := range []string{"VGG16", "Assumed  Reach is assumed", "Prices   AWS", "generated", "SLO      99 %", "CostOptimal", "FunctionsOnly", "LowerBound"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	text, err := os.ReadFile(lines)
	if err != nil {
		t.Fatal(err)
	}
	if rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll(); err != nil || len(rows) < 5 {
		t.Errorf("%d lines, %v", len(rows), err)
	}
	if text, err := os.ReadFile(page); err != nil || !strings.Contains(string(text), "VGG16") || strings.Count(string(text), "<svg") != 6 {
		t.Errorf("a page of %d bytes, %v", len(text), err)
	}
	if files, err := filepath.Glob(filepath.Join(pictures, "*.png")); err != nil || len(files) != 5 {
		t.Errorf("pictures %q, %v", files, err)
	}
}

// The load is what was asked for, and all other defaults follow from the model.
func TestDefaults(t *testing.T) {
	r := reportOf(t)
	if math.Abs(r.VCPUs-0.2) > 0.02 || r.Seconds != 300 || math.Abs(r.SLO-5*0.0056) > 1e-9 {
		t.Errorf("%v vCPUs for %d s, SLO %v", r.VCPUs, r.Seconds, r.SLO)
	}
}

// A trace, a profile and prices of one's own take a flag each.
func TestOnesOwn(t *testing.T) {
	trace := write(t, "counts.csv", countsOf(120, 20))
	document := write(t, "mine.json", `{"version":1,"stages":["a","b"],"reach":{"shares":[1,0.5],"from":"by hand"},"offers":{
		"mine":{"boot":"20s","times":[{"mean":"10ms"}]},"fn":{"times":[{"mean":"10ms"}]}}}`)
	sheet := write(t, "prices.json", `{"name":"own","vms":[{"name":"mine","like":"","vcpus":1,"memoryGB":1,"perHour":0.02}],
		"functions":[{"name":"fn","like":"","memoryMB":1024,"perCall":1e-7,"perGBSecond":2e-5}]}`)
	r := reportOf(t, "-trace", trace, "-format", "counts", "-profile", document, "-prices", sheet, "-vcpus", "0")
	if n := r.Requests.Mean; math.Abs(n-2400) > 250 || r.Seconds != 120 || r.Prices != "own" || r.SLO != 0.1 {
		t.Errorf("%v requests, %+v", n, r)
	}
	if half := reportOf(t, "-trace", trace, "-format", "counts", "-profile", document, "-prices", sheet, "-vcpus", "0.15"); math.Abs(half.VCPUs-0.15) > 0.02 {
		t.Errorf("%v vCPUs, want 0.15", half.VCPUs)
	}
	if sample := reportOf(t, "-trace", "sample", "-from", "10m", "-to", "12m"); !strings.HasPrefix(sample.Traffic, sampleName) || sample.Seconds != 120 {
		t.Errorf("%q for %d s", sample.Traffic, sample.Seconds)
	}
}

func countsOf(seconds, each int) string {
	var b strings.Builder
	for second := range seconds {
		fmt.Fprintf(&b, "%d,%d\n", second, each)
	}
	return b.String()
}

func TestBadArguments(t *testing.T) {
	for want, flags := range map[string][]string{
		"-seeds 0":                      {"-seeds", "0"},
		"-settle -1s":                   {"-settle", "-1s"},
		"-vcpus NaN":                    {"-vcpus", "NaN"},
		"-slo -1s":                      {"-slo", "-1s"},
		"-length 1s":                    {"-length", "1s"},
		"-runs 0":                       {"-runs", "0"},
		`-format "x"`:                   {"-trace", "x", "-format", "x"},
		"there is none":                 {"-format", "counts"},
		"only flags":                    {"more"},
		`no policy "Best"`:              {"-policies", "Best"},
		"no profile \"lenet\"":          {"-profile", "lenet"},
		"no price sheet \"ibm\"":        {"-prices", "ibm"},
		"no such file":                  {"-trace", "no-such-file"},
		"-json: open":                   {"-json", filepath.Join(t.TempDir(), "no", "file")},
		"-png: mkdir":                   {"-png", filepath.Join(write(t, "file", ""), "folder")},
		"meets the SLO of 1ms":          {"-slo", "1ms"},
		"bad profile: version":          {"-profile", write(t, "bad.json", "{}")},
		"bad price sheet":               {"-prices", write(t, "bad.json", "[]")},
		"line 2":                        {"-trace", write(t, "bad.csv", "1\nx\n")},
		"flag provided but not defined": {"-unknown"},
	} {
		out, code, errs := outputOf(t, flags...)
		if code != 2 || !strings.Contains(errs, want) || out != "" {
			t.Errorf("%q: exit code %d, %q, want %q", flags, code, errs, want)
		}
	}
	if _, code, errs := outputOf(t, "-help"); code != 0 || !strings.Contains(errs, "bert-base") {
		t.Errorf("-help: %d, %q", code, errs)
	}
}

// A run that fails leaves no empty file, and one that was there as it was.
func TestFiles(t *testing.T) {
	folder := t.TempDir()
	none, old := filepath.Join(folder, "none.json"), write(t, "old.json", "old")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errs bytes.Buffer
	if code := run(ctx, append(tiny, "-json", none, "-csv", old), &out, &errs); code != 1 {
		t.Errorf("exit code %d: %s", code, &errs)
	}
	if _, err := os.Stat(none); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if got, err := os.ReadFile(old); err != nil || string(got) != "old" {
		t.Errorf("%q, %v", got, err)
	}
	if _, code, errs := outputOf(t, "-json", old); code != 0 {
		t.Error(errs)
	}
	if got, err := os.ReadFile(old); err != nil || !json.Valid(got) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}
