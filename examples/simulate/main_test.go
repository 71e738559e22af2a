package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/serflow/serflow-go/provisioner/simulate"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tiny is three minutes of little traffic.
var tiny = []string{"-vcpus", "0.1", "-to", "3m", "-vms", "1,2", "-boot", "20s"}

var committed = sync.OnceValues(func() (network, error) { return readModel(context.Background()) })

// outputOf is what a run with these flags beside tiny's prints.
func outputOf(t *testing.T, flags ...string) (string, error) {
	t.Helper()
	n, err := committed()
	if err != nil {
		t.Fatal(err)
	}
	s, err := parse(append(tiny[:len(tiny):len(tiny)], flags...), t.Output())
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err = compare(t.Context(), s, n, &out, t.Output())
	return out.String(), err
}

func documentOf(t *testing.T, flags ...string) document {
	t.Helper()
	out, err := outputOf(t, append(flags, "-json", "-")...)
	if err != nil {
		t.Fatal(err)
	}
	var d document
	if err := json.Unmarshal([]byte(out), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestTable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "all.json")
	out, err := outputOf(t, "-json", file)
	if err != nil {
		t.Fatal(err)
	}
	var header, rows []string
	for line := range strings.Lines(out) {
		if fields := strings.Fields(line); strings.Contains(line, "good minutes") {
			header = fields
		} else if header != nil && strings.Contains(line, " ms ") {
			rows = append(rows, strings.Join(fields, " "))
		}
	}
	if len(rows) != 5 {
		t.Fatalf("%d plans:\n%s", len(rows), out)
	}
	for i, want := range []string{"functions only 0.0000 ", "1 VM only 0.08", "1 VM + functions 0.08", "2 VMs only 0.17", "2 VMs + functions 0.17"} {
		if row := strings.TrimPrefix(rows[i], "* "); !strings.HasPrefix(row, want) {
			t.Errorf("row %q, want %q", row, want)
		}
	}
	if row := rows[0]; !strings.HasSuffix(row, "100.0 % -") {
		t.Errorf("functions only: %q", row)
	}
	// Nothing answers before the VM has booted.
	if row := rows[1]; !strings.Contains(row, " missed 0.0 % ") {
		t.Errorf("a VM only: %q", row)
	}
	for _, want := range []string{sampleName, "Assumed, not measured", "Prices are like", "fixed", file} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if saved, err := os.ReadFile(file); err != nil || !json.Valid(saved) {
		t.Errorf("saved %v, valid JSON: %v", err, json.Valid(saved))
	}
}

// A run that fails leaves no empty file.
func TestNoFileWithoutFigures(t *testing.T) {
	file := filepath.Join(t.TempDir(), "none.json")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errs bytes.Buffer
	code := run(ctx, []string{"-json", file}, &out, &errs)
	if _, err := os.Stat(file); code != 1 || !os.IsNotExist(err) {
		t.Errorf("exit code %d, %v: %s", code, err, errs.String())
	}
}

// One that was there before keeps its figures then, and is replaced whole by a run that ends.
func TestFileThatWasThere(t *testing.T) {
	file := filepath.Join(t.TempDir(), "old.json")
	old := strings.Repeat("old ", 1e5)
	if err := os.WriteFile(file, []byte(old), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := outputOf(t, "-json", file, "-slo", "1ns"); !errors.Is(err, simulate.ErrScenario) {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != old {
		t.Errorf("after a run that failed: %v, %d bytes of %d", err, len(got), len(old))
	}
	if _, err := outputOf(t, "-json", file); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(file); err != nil || !json.Valid(got) {
		t.Errorf("after one that ended: %v, %d bytes", err, len(got))
	}
	if _, err := outputOf(t, "-json", os.DevNull); err != nil {
		t.Errorf("to %s: %v", os.DevNull, err)
	}
}

// A cut may end with the second of the last request, and no later; what is wrong with the
// trace behind the cut is said as such.
func TestEndOfTheCut(t *testing.T) {
	write := func(text string) string {
		file := filepath.Join(t.TempDir(), "times.csv")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	good, bad := write("0\n1\n2.5\n"), write("0\n1\n2.5\nbroken\n")
	for _, c := range []struct{ file, to, want string }{
		{good, "3s", ""},
		{good, "4s", "-to 4s: the trace ends at 3s"},
		{bad, "2s", `looking for its end: bad trace: line 4: time "broken"`},
	} {
		_, err := outputOf(t, "-trace", c.file, "-to", c.to, "-json", "-")
		if c.want == "" && err != nil || c.want != "" && (exitCode(err) != 2 || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("-to %s: %v, want %q", c.to, err, c.want)
		}
	}
}

// All plans serve the same requests, and the bill is the sum of its parts.
func TestPlansGetTheSameRequests(t *testing.T) {
	d := documentOf(t)
	first := d.Plans[0].Results[0]
	if want := d.Rate * 180; math.Abs(float64(first.Requests)-want) > 5*math.Sqrt(want) {
		t.Errorf("%d requests, want about %v", first.Requests, want)
	}
	for _, p := range d.Plans {
		r := p.Results[0]
		if r.Requests != first.Requests {
			t.Errorf("%s: %d requests, %s: %d", p.Name, r.Requests, d.Plans[0].Name, first.Requests)
		}
		if got := r.Answered + r.Failed.Deadline + r.Failed.Shed + r.Failed.Tries; got != r.Requests {
			t.Errorf("%s: %d of %d requests ended", p.Name, got, r.Requests)
		}
		// A VM is billed from its launch, at the start, to the end of the run.
		bill := 0.0
		for _, g := range p.Plan.VMs {
			bill += float64(g.VMs) * g.Offer.Cost(time.Duration(r.Seconds*1e9))
		}
		if math.Abs(r.Dollars.VMs-bill) > 1e-9 || r.Dollars.Total != r.Dollars.VMs+r.Dollars.Functions {
			t.Errorf("%s: %+v, want %v for VMs", p.Name, r.Dollars, bill)
		}
		if len(p.Plan.Functions) > 0 && r.Failed.Shed > 0 {
			t.Errorf("%s: %d requests found no place", p.Name, r.Failed.Shed)
		}
	}
	if d.VCPUs != 0.1 || math.Abs(d.Rate*meanSeconds(d)-0.1) > 1e-9 {
		t.Errorf("%v requests a second of %v s are not 0.1 vCPUs", d.Rate, meanSeconds(d))
	}
}

// meanSeconds is the work of a request.
func meanSeconds(d document) (sum float64) {
	full := 0.0
	for k, c := range d.MultiplyAdds {
		full += c
		sum += d.Reach[k] * c
	}
	return d.Pass * sum / full
}

func TestSameSeedSameBytes(t *testing.T) {
	run := func(seed string) string {
		out, err := outputOf(t, "-json", "-", "-seed", seed)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	first := run("7")
	if again := run("7"); again != first {
		t.Errorf("seed 7 twice:\n%s\n%s", first, again)
	}
	if other := run("8"); other == first {
		t.Error("seeds 7 and 8 give the same")
	}
}

func TestSeedsAreAveraged(t *testing.T) {
	both, second := documentOf(t, "-seed", "3", "-seeds", "2"), documentOf(t, "-seed", "4")
	for i, p := range both.Plans {
		if len(p.Results) != 2 || p.Results[0].Seed != 3 || p.Results[1].Requests != second.Plans[i].Results[0].Requests {
			t.Fatalf("%s: %+v, alone %+v", p.Name, p.Results, second.Plans[i].Results)
		}
	}
	r := newReport(settings{seeds: 2}, workload{}, []plan{{name: "a"}, {name: "b"}}, []simulate.Result{
		{Seconds: 3600, Dollars: simulate.Dollars{VMs: 1}, SLO: simulate.Attainment{Met: true, Good: 1, Windows: 1}}, {Seconds: 3600},
		{Seconds: 1800, Dollars: simulate.Dollars{VMs: 1}, SLO: simulate.Attainment{Good: 1, Windows: 2}}, {Seconds: 3600},
	})
	if a := r.plans[0]; a.vms != 1.5 || a.good != 2 || a.minutes != 3 || a.verdict() != "met 1 of 2" {
		t.Errorf("%+v, %s", a, a.verdict())
	}
}

func TestCheapestMeetsTheSLO(t *testing.T) {
	plans := []outcome{{vms: 3, met: 2}, {vms: 1, met: 1}, {vms: 1, functions: 1, met: 2}}
	r := report{settings: settings{seeds: 2}, plans: plans}
	if best := r.cheapest(); best != &plans[2] {
		t.Errorf("%+v", best)
	}
	r.plans = plans[1:2]
	if best := r.cheapest(); best != nil {
		t.Errorf("%+v missed the SLO once", best)
	}
}

func TestTraceOfYourOwn(t *testing.T) {
	file := filepath.Join(t.TempDir(), "counts.csv")
	if err := os.WriteFile(file, []byte("second,requests\n"+"0,1\n1,3\n2,2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := documentOf(t, "-trace", file, "-format", "counts", "-to", "0", "-boot", "0")
	if d.Trace != file || d.Recorded != 6 || d.RecordedSeconds != 3 {
		t.Errorf("%q with %d requests in %v s", d.Trace, d.Recorded, d.RecordedSeconds)
	}
	// Ready from the start, a VM answers alone.
	if r := d.Plans[1].Results[0]; r.Failed.Shed != 0 || r.Requests == 0 {
		t.Errorf("%s: %+v", d.Plans[1].Name, r)
	}
}

func TestWholeSample(t *testing.T) {
	n, err := committed()
	if err != nil {
		t.Fatal(err)
	}
	s, err := parse(nil, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	w, err := newWorkload(s, n)
	if err != nil {
		t.Fatal(err)
	}
	if w.recorded.Requests != 19366 || w.recorded.Length != 58*time.Minute+22*time.Second {
		t.Errorf("%+v", w.recorded)
	}
}

func TestBadFlags(t *testing.T) {
	for flags, want := range map[string]string{
		"stray":                          `unexpected "stray"`,
		"-nothing":                       "-nothing",
		"-vcpus 0":                       "-vcpus 0: give",
		"-vcpus NaN":                     "-vcpus NaN: give",
		"-vms 2,0":                       `-vms "2,0": give`,
		"-vms 2,2":                       `-vms "2,2": give`,
		"-slo 0s":                        "-slo 0s: give",
		"-boot -1s":                      "-boot -1s: give",
		"-pass 0s":                       "-pass 0s: give",
		"-seeds 0":                       "-seeds 0: give",
		"-to 99h":                        "the trace ends at 58m22s: cut it there",
		"-json /nowhere/x.json":          "-json: open /nowhere/x.json",
		"-format xml":                    `-format "xml": give`,
		"-format counts":                 "there is no -trace",
		"-trace x.csv -format timestamp": `-format "timestamp": give`,
	} {
		var out, errs bytes.Buffer
		if code := run(t.Context(), strings.Fields(flags), &out, &errs); code != 2 {
			t.Errorf("%s: exit code %d", flags, code)
		}
		if out.Len() > 0 || !strings.Contains(errs.String(), want) {
			t.Errorf("%s: %q, want %q", flags, errs.String(), want)
		}
	}
}

// What only the packages below can tell is an error that names the flag, too.
func TestSettingsThatCannotBe(t *testing.T) {
	for flags, want := range map[string]string{
		"-cv 0":              "-cv 0",
		"-runs 0":            "-runs 0",
		"-boot 90000h":       "-boot 90000h",
		"-pass 1ns":          "-pass 1ns",
		"-trace missing.csv": "missing.csv",
		"-from 9h -to 0":     "-from",
		"-to 1.5s":           "whole seconds",
		"-slo 1ns":           "SLO 1ns",
		"-vcpus 1e300":       "requests per second",
	} {
		_, err := outputOf(t, strings.Fields(flags)...)
		if err == nil || exitCode(err) != 2 || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", flags, err, want)
		}
	}
}

func TestHelp(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"-help"}, &out, &errs); code != 0 || !strings.Contains(errs.String(), "-vcpus") {
		t.Errorf("exit code %d: %s", code, errs.String())
	}
}

func TestProgress(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out)
	p.tell(simulate.Progress{Elapsed: time.Second})
	if out.Len() > 0 {
		t.Errorf("after a second: %q", &out)
	}
	p.tell(simulate.Progress{Done: 1, Runs: 4, Part: 0.3, Elapsed: 6 * time.Second, Left: 14 * time.Second})
	p.end()
	if want := "1 of 4 runs, 30 %, about 14s left\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}
