package serflow_test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestImportGraph keeps the core free of clouds, RPC frameworks and cgo, and package
// exit free of all other packages of ours.
func TestImportGraph(t *testing.T) {
	deps := func(pkg string) []string {
		out, err := exec.Command("go", "list", "-deps", "-f", "{{.ImportPath}} {{len .CgoFiles}} {{.Standard}}", pkg).CombinedOutput()
		if err != nil {
			t.Fatalf("go list %s: %v\n%s", pkg, err, out)
		}
		return strings.Split(strings.TrimSpace(string(out)), "\n")
	}
	const module = "github.com/serflow/serflow-go/"
	for _, pkg := range []string{"serflow", "stage", "exit"} {
		for _, line := range deps(module + pkg) {
			dep := strings.Fields(line)
			for _, banned := range []string{"aws-sdk-go", "cloud.google.com", "google.golang.org/grpc", "connectrpc.com", "onnxruntime_go"} {
				if strings.Contains(dep[0], banned) {
					t.Errorf("%s reaches %s", pkg, dep[0])
				}
			}
			if dep[1] != "0" && dep[2] == "false" {
				t.Errorf("%s reaches cgo in %s", pkg, dep[0])
			}
			if pkg == "exit" && strings.HasPrefix(dep[0], module) && dep[0] != module+"exit" {
				t.Errorf("exit reaches %s", dep[0])
			}
		}
	}
}
