package main

import (
	"errors"
	"flag"
	"log/slog"
	"os"
	"os/exec"
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
	shouting.Become()
	goleak.VerifyTestMain(m)
}

func TestWhatCannotBeMeant(t *testing.T) {
	for _, args := range [][]string{{"serve"}, {"-serf", ":1"}, {"-vms", "many"}, {"-rate", "Inf"}, {"-rate", "0"}, {"-slo", "-1s"}, {"-spot", "-1"}, {"-zones", "us-central1"}, {"-serve", ":1", "-teardown"},
		{"-serve", ":1", "-owner", "shop", "-project", "mine"}, {"-teardown", "-project", "mine"}} {
		if err := run(t.Context(), args, os.Stderr); !errors.Is(err, errUsage) {
			t.Errorf("%v: %v", args, err)
		}
	}
	if err := run(t.Context(), []string{"-help"}, os.Stderr); !errors.Is(err, flag.ErrHelp) {
		t.Error(err)
	}
}

// What the provider of VMs would refuse at every launch is said before anything is rented.
func TestOptionsThatCannotBe(t *testing.T) {
	for says, args := range map[string][]string{"of one region": {"-zones", "us-central1-a,europe-west1-b"}, "65535": {"-port", "99999"}} {
		s, err := settingsOf(args)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.open(t.Context(), s.vms(), s.functions(), slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: %v", args, err)
		}
	}
}

// The command of a VM is run by a shell: it opens the port, fetches the image from its registry and runs
// it where the worker finds what it is told. If one step fails, the next is not tried.
func TestTheCommandOfAVM(t *testing.T) {
	s, err := settingsOf(nil)
	if err != nil {
		t.Fatal(err)
	}
	for fails, want := range map[string]string{
		"": "iptables -w -A INPUT -p tcp --dport 8080 -j ACCEPT\n" +
			"docker-credential-gcr configure-docker --registries=us-central1-docker.pkg.dev\n" +
			"docker run --rm --network=host -v /run/serflow:/run/serflow:ro -e SERFLOW_WORKER us-central1-docker.pkg.dev/example-project/shop/worker:1\n",
		"iptables": "iptables -w -A INPUT -p tcp --dport 8080 -j ACCEPT\n",
	} {
		dir := t.TempDir()
		for _, program := range []string{"iptables", "docker-credential-gcr", "docker"} {
			text := "#!/bin/sh\necho " + program + " \"$@\"\n"
			if program == fails {
				text += "exit 1\n"
			}
			if err := os.WriteFile(filepath.Join(dir, program), []byte(text), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.Command("/bin/sh", "-c", s.command())
		cmd.Env = []string{"PATH=" + dir}
		out, err := cmd.Output()
		if string(out) != want || (err == nil) != (fails == "") {
			t.Errorf("%q fails: %v\n%s", fails, err, out)
		}
	}
}

// The image is built from the repository's own programs.
func TestTheDockerfile(t *testing.T) {
	text, err := os.ReadFile("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(mod), "\ngo ")
	version := strings.Join(strings.SplitN(strings.TrimSpace(strings.SplitN(after, "\n", 2)[0]), ".", 3)[:2], ".")
	for _, part := range []string{"golang:" + version, "go build -trimpath -o /worker ./examples/gcp", `ENTRYPOINT ["/worker"]`} {
		if !strings.Contains(string(text), part) {
			t.Errorf("%q is not in the Dockerfile", part)
		}
	}
}
