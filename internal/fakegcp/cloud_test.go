package fakegcp_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/run/apiv2/runpb"
	"github.com/googleapis/gax-go/v2/apierror"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	run "cloud.google.com/go/run/apiv2"

	"github.com/serflow/serflow-go/internal/fakegcp"
)

const zone = "/compute/v1/projects/shop-1234/zones/us-central1-a/"

func newCloud() *fakegcp.Cloud {
	return fakegcp.New(fakegcp.Options{
		Project: "shop-1234", Region: "us-central1", Zones: []string{"us-central1-a"}, Images: []string{"projects/p/global/images/i"},
		Types: map[string]float64{"e2": 0.1, "g2-standard-4": 0.7}, Booting: time.Hour,
	})
}

func vm(name, kind string) string {
	return fmt.Sprintf(`{"name":%q,"machineType":"zones/us-central1-a/machineTypes/%s","disks":[{"boot":true,"initializeParams":{"sourceImage":"projects/p/global/images/i"}}],"networkInterfaces":[{"network":"global/networks/default"}]}`, name, kind)
}

// What Compute Engine would refuse is refused.
func TestComputeIsStrict(t *testing.T) {
	cloud := newCloud()
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", zone + "instances?requestId=1", vm("a", "e2"), 200},
		{"POST", zone + "instances?requestId=1", vm("a", "e2"), 200}, // the same request
		{"POST", zone + "instances?requestId=1", vm("b", "e2"), 400}, // another one
		{"POST", zone + "instances?requestId=2", vm("a", "e2"), 409},
		{"POST", zone + "instances", vm("B", "e2"), 400},
		{"POST", zone + "instances", vm("b", "z9"), 400},
		{"POST", zone + "instances", vm("b", "g2-standard-4"), 400}, // it says nothing of maintenance
		{"POST", zone + "instances", strings.Replace(vm("b", "e2"), "images/i", "images/j", 1), 400},
		{"POST", zone + "instances", strings.Replace(vm("b", "e2"), `"name"`, `"nam"`, 1), 400},
		{"POST", zone + "instances", strings.Replace(vm("b", "e2"), `"name"`, `"labels":{"Owner":"x"},"name"`, 1), 400},
		{"POST", strings.Replace(zone, "-a", "-f", 1) + "instances", vm("b", "e2"), 404},
		{"GET", zone + "instances/a", "", 200},
		{"GET", zone + "instances/b", "", 404},
		{"GET", zone + "operations/x", "", 404},
		{"GET", "/compute/v1/projects/shop-1234/aggregated/instances?filter=name", "", 400},
		{"GET", "/compute/v1/projects/other/aggregated/instances", "", 404},
		{"DELETE", zone + "instances/b", "", 404},
		{"DELETE", zone + "instances/a", "", 200},
	} {
		r, err := http.NewRequest(c.method, "https://compute.googleapis.com"+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := cloud.Client().Do(r)
		if err != nil || answer.StatusCode != c.status {
			t.Errorf("%s %s %s: %v, %v; want %d", c.method, c.path, c.body, answer, err, c.status)
		}
	}
	if n := cloud.Launched(); n != 1 {
		t.Errorf("%d VMs", n)
	}
}

// What Cloud Run would refuse is refused.
func TestCloudRunIsStrict(t *testing.T) {
	to, stop := newCloud().Connect()
	defer stop()
	api, err := run.NewServicesClient(t.Context(), to...)
	if err != nil {
		t.Fatal(err)
	}
	defer api.Close()
	const parent = "projects/shop-1234/locations/us-central1"
	for _, c := range []struct {
		parent, id string
		service    *runpb.Service
		want       codes.Code
	}{
		{parent, "Shop", &runpb.Service{}, codes.InvalidArgument},
		{parent, strings.Repeat("a", 50), &runpb.Service{}, codes.InvalidArgument},
		{parent, "shop", &runpb.Service{}, codes.InvalidArgument}, // it has no container
		{"projects/other/locations/us-central1", "shop", &runpb.Service{}, codes.InvalidArgument},
	} {
		_, err := api.CreateService(t.Context(), &runpb.CreateServiceRequest{Parent: c.parent, ServiceId: c.id, Service: c.service})
		if codeOf(err) != c.want {
			t.Errorf("%s in %s: %v", c.id, c.parent, err)
		}
	}
	if _, err := api.GetService(t.Context(), &runpb.GetServiceRequest{Name: parent + "/services/shop"}); codeOf(err) != codes.NotFound {
		t.Error(err)
	}
}

func codeOf(err error) codes.Code {
	if e, ok := apierror.FromError(err); ok {
		return e.GRPCStatus().Code()
	}
	return status.Code(err)
}
