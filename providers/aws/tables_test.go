package aws_test

import (
	"encoding/json"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/serflow/serflow-go/internal/fakeaws"
	"github.com/serflow/serflow-go/providers/aws"
	"github.com/serflow/serflow-go/provisioner"
)

// The default is the table, all of it on demand and each row with its source.
func TestPrices(t *testing.T) {
	offers, err := aws.VMs(aws.VMOptions{Subnets: []string{"subnet-1"}}).Offers(t.Context())
	if err != nil || len(offers) != len(aws.Types()) {
		t.Fatalf("%v, %v", offers, err)
	}
	for i, row := range aws.Types() {
		o := offers[i]
		if row.Source == "" || o.Validate() != nil || o.Name != row.Name || o.PerHour != row.PerHour || o.Arch != row.Arch || o.Market != provisioner.OnDemand {
			t.Errorf("%+v is sold as %+v", row, o)
		}
		if arm := strings.Contains(strings.SplitN(row.Name, ".", 2)[0], "7g"); arm != (row.Arch == "arm64") {
			t.Errorf("%s has %s", row.Name, row.Arch)
		}
	}
	// Half a minute is billed as one.
	if got, want := offers[0].Cost(30*time.Second), 0.0725/60; math.Abs(got-want) > 1e-12 {
		t.Errorf("%v dollars, want %v", got, want)
	}
	if _, err := time.Parse(time.DateOnly, aws.Priced); err != nil {
		t.Error(err)
	}
}

// policy is one of IAM.
type policy struct {
	Statement []struct {
		Sid, Effect string
		Action      texts
		Resource    texts
		Condition   map[string]map[string]string
	}
}

// texts is one text or several.
type texts []string

func (x *texts) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		*x = texts{""}
		return json.Unmarshal(b, &(*x)[0])
	}
	return json.Unmarshal(b, (*[]string)(x))
}

// The policy allows the calls that the code makes, what they need beside, and no more; it ends
// nothing that is another's.
func TestThePolicyIsWhatTheCodeCalls(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newCloud()
		everything(t, cloud)
		called := slices.Sorted(maps.Keys(cloud.Calls()))
		called = append(called, "ec2:CreateTags") // for the tags of RunInstances
		slices.Sort(called)

		text, err := os.ReadFile("iam-service.json")
		var p policy
		if err == nil {
			err = json.Unmarshal(text, &p)
		}
		if err != nil {
			t.Fatal(err)
		}
		allowed := map[string]bool{}
		for _, s := range p.Statement {
			for _, action := range s.Action {
				allowed[action] = allowed[action] || s.Effect == "Allow"
				ours := s.Condition["StringEquals"]["aws:ResourceTag/serflow:owner"] == "OWNER"
				if strings.Contains(action, "*") || action == "ec2:TerminateInstances" && !ours {
					t.Errorf("%s: %s under %v", s.Sid, action, s.Condition)
				}
			}
		}
		if got := slices.Sorted(maps.Keys(allowed)); !slices.Equal(got, called) {
			t.Errorf("allowed %v, called %v", got, called)
		}
	})
}

// everything makes each call that the package can make.
func everything(t *testing.T, cloud *fakeaws.Cloud) {
	e := aws.VMs(options(cloud))
	vms, _ := launched(t, cloud, e, launchOf(e, t, "a", 1))
	time.Sleep(time.Minute)
	if _, err := e.List(t.Context(), "shop"); err != nil {
		t.Error(err)
	}
	if err := e.End(t.Context(), vms[0].ID); err != nil {
		t.Error(err)
	}
}
