//go:build !race

// The planner takes ten times as long with the race detector.

package main

import (
	"strings"
	"testing"
)

// Without arguments nobody is asked: the plan is printed, and every call with what it says.
func TestTheDryRun(t *testing.T) {
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", "/no/such/file")
	var out strings.Builder
	if err := run(t.Context(), nil, &out); err != nil {
		t.Fatal(err)
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
