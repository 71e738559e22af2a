package onnx

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func wantWords(t *testing.T, got string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(got, w) {
			t.Errorf("got %s\nwant %q in it", got, w)
		}
	}
}

func TestLibraryMissing(t *testing.T) {
	wantWords(t, openElsewhere(t, "/nowhere/libonnxruntime.so"),
		"onnx.Library", "missing", "/nowhere/libonnxruntime.so", "1.24", ".ci/onnxruntime")
	wantWords(t, openElsewhere(t, "", libraryVariable+"=/nowhere/lib"), libraryVariable, "missing", "/nowhere/lib", "1.24")
}

func TestLibraryNotOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "libonnxruntime.so")
	if err := os.WriteFile(path, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantWords(t, openElsewhere(t, path), path, "does not load", ".ci/onnxruntime")
}

func TestLibraryOfAnotherMachine(t *testing.T) {
	other := map[string]string{"linux/amd64": "linux-arm64", "linux/arm64": "linux-amd64", "darwin/arm64": "linux-arm64"}[runtime.GOOS+"/"+runtime.GOARCH]
	if other == "" {
		t.Fatalf("no library of another machine is known for %s/%s: name one above", runtime.GOOS, runtime.GOARCH)
	}
	var messages strings.Builder
	cmd := exec.Command("../../.ci/onnxruntime", "--platform", other)
	cmd.Stderr = &messages
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, messages.String())
	}
	wantWords(t, openElsewhere(t, strings.TrimSpace(string(out))),
		"is built for "+strings.Replace(other, "-", "/", 1), "this program for "+runtime.GOOS+"/"+runtime.GOARCH, ".ci/onnxruntime")
}

const oldRuntime = `
struct base { const void *(*api)(unsigned); const char *(*version)(void); };
static const void *api(unsigned v) { return 0; }
static const char *version(void) { return "1.20.0"; }
static const struct base b = { api, version };
const struct base *OrtGetApiBase(void) { return &b; }
`

func TestLibraryTooOld(t *testing.T) {
	dir := t.TempDir()
	source, library := filepath.Join(dir, "old.c"), filepath.Join(dir, "libonnxruntime.so")
	if err := os.WriteFile(source, []byte(oldRuntime), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("cc", "-shared", "-fPIC", "-o", library, source).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	wantWords(t, openElsewhere(t, library), library, "too old", "1.24", ".ci/onnxruntime")
}

func TestLibraryInCache(t *testing.T) {
	cache := t.TempDir()
	dir := filepath.Join(cache, "serflow", "onnxruntime", "1.24.3", runtime.GOOS+"-"+runtime.GOARCH)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(loaded, filepath.Join(dir, libraryNames()[0])); err != nil {
		t.Fatal(err)
	}
	wantWords(t, openElsewhere(t, "", libraryVariable+"=", "XDG_CACHE_HOME="+cache), "<nil>")
}

func TestHostsEnvironmentIsUsedAndKept(t *testing.T) {
	if got := elsewhere(t, hostVariable+"="+loaded); got != "<nil>\n" {
		t.Error(got)
	}
}

func TestOtherLibraryIsRefused(t *testing.T) {
	_, err := File("testdata/encoder.onnx", Library("/other/lib")).Open(context.Background())
	if err == nil {
		t.Fatal("a second library has been accepted")
	}
	wantWords(t, err.Error(), "already loaded", "/other/lib", loaded)
}

func TestBadModels(t *testing.T) {
	if _, err := File("testdata/none.onnx").Open(context.Background()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want fs.ErrNotExist", err)
	}
	if _, err := File("testdata/none.onnx").Fingerprint(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want fs.ErrNotExist", err)
	}
	whole, err := os.ReadFile("testdata/encoder.onnx")
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"empty": {}, "text": []byte("not a model"), "cut": whole[:len(whole)/2]} {
		_, err := Bytes(data).Open(context.Background())
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		wantWords(t, err.Error(), "cannot load", "onnx.checker")
	}
	if _, err := Bytes(whole, Threads(0)).Open(context.Background()); err == nil {
		t.Error("Threads(0) has been accepted")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Bytes(whole).Open(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want Canceled", err)
	}
}
