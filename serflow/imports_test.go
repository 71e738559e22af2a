package serflow_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/serflow/serflow-go/"

// below says which of our packages each core package may import: arrows point down.
var below = map[string][]string{
	"serflow":                        {"internal/compute", "internal/exhausted", "internal/launch", "internal/wire", "providers", "provisioner", "provisioner/control", "provisioner/estimate", "provisioner/planner", "provisioner/policy", "provisioner/profile", "provisioner/simulate/traffic", "balancer", "stage/remote", "stage/worker/queue", "stage", "exit", "exit/brownout", "exit/drift", "exit/watch", "internal/heap"},
	"stage/remote":                   {"internal/exhausted", "internal/launch", "internal/wire", "stage", "exit"},
	"provisioner":                    {"provisioner/profile", "balancer", "stage/worker/queue", "stage", "exit", "internal/heap"},
	"provisioner/profile":            {},
	"provisioner/estimate":           {},
	"provisioner/policy":             {"provisioner/estimate", "stage", "exit"},
	"provisioner/control":            {"provisioner", "provisioner/estimate", "provisioner/planner", "provisioner/policy", "provisioner/profile", "provisioner/simulate/traffic", "balancer", "stage/worker/queue", "stage", "exit", "internal/heap"},
	"provisioner/simulate":           {"provisioner", "provisioner/control", "provisioner/estimate", "provisioner/planner", "provisioner/policy", "provisioner/profile", "provisioner/simulate/depth", "provisioner/simulate/traffic", "balancer", "stage", "stage/worker/queue", "exit", "internal/heap"},
	"provisioner/simulate/oracle":    {"provisioner", "provisioner/control", "provisioner/estimate", "provisioner/planner", "provisioner/policy", "provisioner/profile", "provisioner/simulate/traffic", "balancer", "stage", "stage/worker/queue", "exit", "internal/heap"},
	"provisioner/simulate/compare":   {"provisioner/simulate", "provisioner/simulate/catalogue", "provisioner/simulate/oracle", "provisioner", "provisioner/control", "provisioner/estimate", "provisioner/planner", "provisioner/policy", "provisioner/profile", "provisioner/simulate/depth", "provisioner/simulate/traffic", "balancer", "stage", "stage/worker/queue", "exit", "internal/heap"},
	"provisioner/simulate/evaluate":  {"provisioner/simulate/compare", "provisioner/simulate", "provisioner/simulate/catalogue", "provisioner/simulate/oracle", "provisioner", "provisioner/control", "provisioner/estimate", "provisioner/planner", "provisioner/policy", "provisioner/profile", "provisioner/simulate/depth", "provisioner/simulate/traffic", "balancer", "stage", "stage/worker/queue", "exit", "internal/heap"},
	"provisioner/simulate/accesslog": {},
	"providers":                      {"provisioner", "provisioner/profile", "balancer", "stage/worker/queue", "stage", "exit", "internal/heap"},
	"balancer":                       {"stage", "exit"},
	"stage/worker/queue":             {"stage", "exit", "internal/heap"},
	"stage":                          {"exit"},
	"exit/drift":                     {"exit"},
	"exit/watch":                     {"exit"},
	"exit/brownout":                  {"exit"},
	"exit":                           {},
}

func list(t *testing.T, args ...string) []string {
	t.Helper()
	out, err := exec.Command("go", append([]string{"list"}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("go list %v: %v\n%s", args, err, out)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

// The core reaches no cloud, no RPC framework and no cgo, and imports nothing above it.
func TestImportGraph(t *testing.T) {
	for pkg, allowed := range below {
		for _, line := range list(t, "-deps", "-f", "{{.ImportPath}} {{len .CgoFiles}} {{.Standard}}", module+pkg) {
			dep := strings.Fields(line)
			for _, banned := range []string{"aws-sdk-go", "aws-lambda-go", "cloud.google.com", "google.golang.org/grpc", "connectrpc.com", "onnxruntime_go", "gonum.org/v1/plot"} {
				if strings.Contains(dep[0], banned) {
					t.Errorf("%s reaches %s", pkg, dep[0])
				}
			}
			if dep[1] != "0" && dep[2] == "false" {
				t.Errorf("%s reaches cgo in %s", pkg, dep[0])
			}
			if own, ok := strings.CutPrefix(dep[0], module); ok && own != pkg && !slices.Contains(allowed, own) {
				t.Errorf("%s reaches %s, which is not below it", pkg, own)
			}
		}
	}
}

// What decides is handed its time, its randomness and its events.
func TestTheDecisionCoreDoesNoIO(t *testing.T) {
	for _, pkg := range []string{"provisioner", "provisioner/estimate", "provisioner/policy", "provisioner/control", "provisioner/simulate/depth", "balancer", "stage/worker/queue", "exit", "exit/drift", "exit/watch", "exit/brownout"} {
		for _, imported := range list(t, "-f", `{{join .Imports "\n"}}`, module+pkg) {
			for _, banned := range []string{"os", "io", "net", "context", "syscall"} {
				if imported == banned || strings.HasPrefix(imported, banned+"/") {
					if pkg == "exit" && imported == "context" {
						continue // Search can be cancelled
					}
					t.Errorf("%s imports %s", pkg, imported)
				}
			}
		}
	}
}
