package main

import (
	"archive/zip"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/serflow/serflow-go/examples/shouting"
)

func TestMain(m *testing.M) {
	if os.Getenv("SERFLOW_WORKER") != "" {
		time.AfterFunc(2*time.Minute, func() { os.Exit(9) }) // should a test forget it
	}
	os.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0") // or else each child takes a second to exit
	shouting.Become()
	goleak.VerifyTestMain(m)
}

// A zip file has what Lambda starts, and is the same for the same program.
func TestTheZipFile(t *testing.T) {
	dir := t.TempDir()
	var files [][]byte
	for _, name := range []string{"a.zip", "b.zip"} {
		path := filepath.Join(dir, name)
		if err := zipped(path, []byte("program")); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, b)
	}
	z, err := zip.OpenReader(filepath.Join(dir, "a.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	if len(z.File) != 1 || z.File[0].Name != "bootstrap" || z.File[0].Mode().Perm() != 0o755 || string(files[0]) != string(files[1]) {
		t.Errorf("%+v", z.File)
	}
}

func TestWhatCannotBeMeant(t *testing.T) {
	for _, args := range [][]string{{"serve"}, {"-unknown"}, {"-rate", "much"}, {"-rate", "0"}, {"-rate", "+Inf"}, {"-rate", "NaN"}, {"-rate", "1e12"}, {"-subnets", ""}, {"-subnets", "subnet-1,"}, {"-slo", "-1s"}, {"-serve", ":1", "-teardown"},
		{"-serve", ":1", "-owner", "shop"}, {"-teardown", "-bucket", "mine"}} {
		if err := run(t.Context(), args, os.Stderr); !errors.Is(err, errUsage) {
			t.Errorf("%v: %v", args, err)
		}
	}
	if err := run(t.Context(), []string{"-help"}, os.Stderr); !errors.Is(err, flag.ErrHelp) {
		t.Error(err)
	}
	if _, err := archOf([]byte("#!/bin/sh")); err == nil || !strings.Contains(err.Error(), "GOOS=linux") {
		t.Error(err)
	}
}
