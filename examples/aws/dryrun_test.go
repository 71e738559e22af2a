//go:build !race

// The planner takes ten times as long with the race detector.

package main

import (
	"strings"
	"testing"
)

// Without arguments nobody is asked: the plan is printed, and every call with what it says.
func TestTheDryRun(t *testing.T) {
	for _, name := range []string{"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_PROFILE"} {
		t.Setenv(name, "")
	}
	var out strings.Builder
	if err := run(t.Context(), nil, &out); err != nil {
		t.Fatal(err)
	}
	rest := out.String()
	for _, part := range []string{
		"dollars an hour", `VMs of "c7g.large"`, "Deploy and serve", "PUT /example-bucket/serflow/shouting-example/worker",
		"POST /2015-03-31/functions\n", `Runtime: "provided.al2023"`, "ec2 RunInstances", "HttpTokens: required", "serflow:owner", "aws s3 cp", "shutdown -h now",
		"Tear down", "ec2 TerminateInstances", "DELETE /2015-03-31/functions/serflow-",
	} {
		_, after, ok := strings.Cut(rest, part)
		if !ok {
			t.Fatalf("%q is not printed, or not in its place:\n%s", part, out.String())
		}
		rest = after
	}
}
