//go:build !race

// The planner takes ten times as long with the race detector.

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Without arguments nobody is asked: the plan is printed, and every call with what it says.
func TestTheDryRun(t *testing.T) {
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", "/no/such/file")
	t.Setenv("SERFLOW_CREDENTIAL", "a secret that nobody is shown")
	dir := t.TempDir()
	t.Setenv("SERFLOW_STATE", filepath.Join(dir, "state"))
	for _, name := range []string{"XDG_CONFIG_HOME", "HOME", "AppData"} { // where state is kept by default
		t.Setenv(name, dir)
	}
	var out strings.Builder
	if err := run(t.Context(), nil, &out); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "nobody is shown") {
		t.Error("it shows the credential")
	}
	if wrote, err := os.ReadDir(dir); err != nil || len(wrote) > 0 {
		t.Errorf("it writes %v, the state of the service? %v", wrote, err)
	}
	rest := out.String()
	for _, part := range []string{
		"dollars an hour", `VMs of "e2-highcpu-2"`, "Serve:", "Services/CreateService", `"serflow-owner": "shouting-example"`, `"startupProbe"`,
		"POST https://serflow-", "POST https://compute.googleapis.com/compute/v1/projects/example-project/zones/us-central1-a/instances?requestId=",
		"docker run", "shutdown -h now", `"networkInterfaces"`, "Tear down", "DELETE https://compute.googleapis.com/", "Services/DeleteService",
	} {
		_, after, ok := strings.Cut(rest, part)
		if !ok {
			t.Fatalf("%q is not printed, or not in its place:\n%s", part, out.String())
		}
		rest = after
	}
	if strings.Contains(out.String(), "accessConfigs") {
		t.Error("VMs have an external address")
	}
}
