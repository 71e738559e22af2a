package gcp_test

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/serflow/serflow-go/providers/gcp"
)

// role is a custom one of IAM, as gcloud reads it from a file.
type role struct {
	Title, Description, Stage string
	IncludedPermissions       []string
}

func roleIn(t *testing.T, file string) (r role) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil || r.Title == "" {
		t.Fatalf("%s: %v, %v", file, r, err)
	}
	return r
}

// allows fails the test unless a role has what was needed, and no more.
func (r role) allows(t *testing.T, needed map[string]int) {
	t.Helper()
	if want := slices.Sorted(maps.Keys(needed)); !slices.Equal(r.IncludedPermissions, want) {
		t.Errorf("the role has %v, and %v is needed", r.IncludedPermissions, want)
	}
}

// The role has the permissions that the calls of functions need, and no more.
func TestTheRoleOfFunctions(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newRun()
		o := functionOptions(t, cloud)
		s := specOf(t, gcp.Functions(o))
		id := ensured(t, gcp.Functions(o), s)
		o.Image = strings.Replace(image, ":1", ":2", 1)
		r := gcp.Functions(o)
		ensured(t, r, s)
		if _, err := r.Invoke(t.Context(), id, nil); err != nil {
			t.Error(err)
		}
		if list, err := r.List(t.Context(), "shop"); err != nil || len(list) != 1 {
			t.Errorf("%v, %v", list, err)
		}
		if err := r.Remove(t.Context(), id); err != nil {
			t.Error(err)
		}
		roleIn(t, "iam-functions.json").allows(t, cloud.Calls())
	})
}

// The role has the permissions that the calls of VMs need, and no more.
func TestTheRoleOfVMs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newCompute()
		o := vmOptions(cloud)
		o.ServiceAccount = "worker@shop-1234.iam.gserviceaccount.com"
		e := gcp.VMs(o)
		vms, err := e.Launch(t.Context(), launchOf(t, e, "a", 1))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.List(t.Context(), "shop"); err != nil {
			t.Error(err)
		}
		if err := e.End(t.Context(), vms[0].ID); err != nil {
			t.Error(err)
		}
		roleIn(t, "iam-vms.json").allows(t, cloud.Calls())
	})
}
