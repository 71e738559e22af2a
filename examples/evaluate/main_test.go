package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// What has been run before is read, a line that was broken off is taken out, and the text is written of the rest.
func TestGoesOn(t *testing.T) {
	folder := t.TempDir()
	cells, text := filepath.Join(folder, "cells.csv"), filepath.Join(folder, "text.md")
	before, err := os.ReadFile("../../provisioner/simulate/evaluate/small.csv")
	if err != nil {
		t.Fatal(err)
	}
	whole, broken := string(before), string(before)+"resnet-50, broken,off"
	if err := os.WriteFile(cells, []byte(broken), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), []string{"-cells", cells, "-text", text, "-stop", "0s"}, io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	if after, err := os.ReadFile(cells); err != nil || string(after) != whole {
		t.Errorf("%v: %s\nwant %s", err, after, whole)
	}
	if written, err := os.ReadFile(text); err != nil || !strings.Contains(string(written), "2 cells of the main grid's 600") {
		t.Errorf("%v: %s", err, written)
	}
}

func TestRefuses(t *testing.T) {
	nonsense := filepath.Join(t.TempDir(), "nonsense.csv")
	if err := os.WriteFile(nonsense, []byte("a,b\nc,d\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"only flags are taken":          {"more"},
		"provided but not defined":      {"-unknown"},
		"delete the file to begin anew": {"-cells", nonsense},
		"no such file":                  {"-cells", filepath.Join(nonsense+"x", "file")},
	} {
		var errs bytes.Buffer
		if err := run(t.Context(), args, io.Discard, &errs); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", args, err, want)
		}
	}
}
