package worker

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/internal/wire"
	"github.com/serflow/serflow-go/stage/remote"
)

// documentation is the package's.
func documentation(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What is printed of how to start a worker starts one.
func TestDocumentedStart(t *testing.T) {
	line := regexp.MustCompile(`echo '(\{.*\})'`).FindStringSubmatch(documentation(t))
	if line == nil {
		t.Fatal("there is no line to start one")
	}
	p := spawn(t, launch.Stdin, strings.Replace(line[1], ":8080", ":0", 1)+"\n")
	r := p.ready(t)
	if r.Address == "" {
		t.Fatal(r.Error)
	}
	fingerprint, err := childModel.Fingerprint()
	if err != nil {
		t.Fatal(err)
	}
	transport := remote.NewTransport()
	defer transport.CloseIdleConnections()
	for credential, want := range map[string]error{"0123456789abcdef": nil, "another": remote.ErrUnauthorized} {
		w := remote.Dial(r.Address, remote.Options{Model: "child", Fingerprint: fingerprint, Credential: credential, Transport: transport})
		if err := w.Check(t.Context()); !errors.Is(err, want) {
			t.Errorf("%q: %v", credential, err)
		}
	}
}

// Every name that a worker reads or writes is in the package's documentation.
func TestEverythingIsDocumented(t *testing.T) {
	text, names := documentation(t), map[string]bool{launch.Environment: true, launch.ReadyPrefix: true, launch.InvokePath: true, launch.DrainPath: true, live: true}
	for _, v := range []any{launch.Start{}, launch.Setup{}, launch.Ready{}} {
		for i := range reflect.TypeOf(v).NumField() {
			name, _, _ := strings.Cut(reflect.TypeOf(v).Field(i).Tag.Get("json"), ",")
			names[name] = true
		}
	}
	files, err := filepath.Glob("../../internal/wire/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, name := range regexp.MustCompile(`serflow_[a-z_]*[a-z]`).FindAllString(string(source), -1) {
			names[name] = true
		}
	}
	for _, port := range ours {
		names[port.Name] = true
	}
	for _, code := range []wire.Code{wire.Invalid, wire.BadVersion, wire.Fingerprint, wire.Unauthorized, wire.NotFound, wire.Full, wire.Draining, wire.Late, wire.StageFailed, wire.TooLarge, wire.Internal} {
		names[string(code)] = true
	}
	delete(names, wire.ExtensionStages) // what the additions are called as a whole
	for name := range names {
		if !strings.Contains(text, name) {
			t.Errorf("%q is not documented", name)
		}
	}
}
