package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBadArguments(t *testing.T) {
	short := filepath.Join(t.TempDir(), "short.csv")
	if err := os.WriteFile(short, []byte("second,requests\n0,3\n1,4\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"-requests", "3"}, "give 1000 or more"},
		{[]string{"-only", "nothing"}, `"calm, fashion, 2 vCPUs"`},
		{[]string{"-only", "("}, "missing closing"},
		{[]string{"more"}, "nothing but flags"},
		{[]string{"-trace", "no-such-file"}, "no-such-file"},
		{[]string{"-trace", short}, "give a trace of 2400 or more"},
	} {
		err := run(t.Context(), c.args, io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.args, err, c.want)
		}
	}
}

// A table has a line for each variant, says the same each time, and shows what it is about.
func TestTable(t *testing.T) {
	models, err := profiles(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var trace []string
	for second := range 2400 {
		trace = append(trace, fmt.Sprintf("%d,60", second))
	}
	file := filepath.Join(t.TempDir(), "trace.csv")
	if err := os.WriteFile(file, []byte(strings.Join(trace, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, all := range map[string]traces{"generated": {requests: 1000}, "a trace": {file: file, requests: 1000}} {
		if err := all.measure(); err != nil {
			t.Fatal(err)
		}
		var first, second bytes.Buffer
		for _, out := range []*bytes.Buffer{&first, &second} {
			if err := (table{models[1], situations[0], 8}).run(context.Background(), all, 1, out, io.Discard); err != nil {
				t.Fatal(err)
			}
		}
		if first.String() != second.String() {
			t.Errorf("%s: not the same twice:\n%s\n%s", name, first.String(), second.String())
		}
		if lines := strings.Count(first.String(), "\n| "); lines != len(variants)+2 {
			t.Errorf("%s: %d lines in\n%s", name, lines, first.String())
		}
	}
}
