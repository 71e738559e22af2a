package aws_test

import (
	"encoding/json"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
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
	pinned := map[string]float64{"c7g.large": 0.0725, "m7g.large": 0.0816, "c7i.large": 0.08925, "m7i.large": 0.1008, "g4dn.xlarge": 0.526, "g5.xlarge": 1.006}
	for i, row := range aws.Types() {
		o := offers[i]
		if row.PerHour != pinned[row.Name] {
			t.Errorf("%s costs %v, and cost %v on 2026-11-24: if AWS has changed that, change Priced too", row.Name, row.PerHour, pinned[row.Name])
		}
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
		Condition   map[string]map[string]texts
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
		vms, functions := newCloud(), newLambda()
		everyCallOfVMs(t, vms)
		everyCallOfFunctions(t, functions)
		called := slices.Concat(slices.Collect(maps.Keys(vms.Calls())), slices.Collect(maps.Keys(functions.Calls())))
		called = append(called, "ec2:CreateTags", "lambda:TagResource", "iam:PassRole", "s3:GetObject", "ssm:GetParameters") // which other calls need
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
				if strings.Contains(action, "*") || !confined(action, s.Resource, s.Condition) {
					t.Errorf("%s: %s of %v under %v", s.Sid, action, s.Resource, s.Condition)
				}
			}
		}
		if got := slices.Sorted(maps.Keys(allowed)); !slices.Equal(got, called) {
			t.Errorf("allowed %v, called %v", got, called)
		}
	})
}

// Workers call no service of AWS, so their role needs no right for it: they link no client of one.
func TestWorkersCallNoService(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "./lambdaworker", "./spot").Output()
	if err != nil || !strings.Contains(string(out), "aws-lambda-go") {
		t.Fatal(err)
	}
	for _, pkg := range strings.Fields(string(out)) {
		if strings.Contains(pkg, "aws-sdk-go-v2/service/") {
			t.Error(pkg)
		}
	}
}

// confined tells whether a statement keeps its hands off what is not ours.
func confined(action string, resource texts, condition map[string]map[string]texts) bool {
	equals := condition["StringEquals"]
	switch {
	case action == "ec2:TerminateInstances":
		return slices.Equal(equals["aws:ResourceTag/serflow:owner"], texts{"OWNER"})
	case action == "s3:GetObject" || action == "ssm:GetParameters":
		return !strings.Contains(resource[0], "/*")
	case action == "iam:PassRole":
		return resource[0] != "*" && len(equals["iam:PassedToService"]) > 0
	case action == "ec2:CreateTags":
		return slices.Equal(equals["ec2:CreateAction"], texts{"RunInstances"})
	case strings.HasPrefix(action, "lambda:") && !strings.HasPrefix(action, "lambda:List"):
		return slices.Equal(resource, texts{"arn:aws:lambda:*:*:function:serflow-*"})
	}
	return true
}

func everyCallOfVMs(t *testing.T, cloud *fakeaws.Cloud) {
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

func everyCallOfFunctions(t *testing.T, cloud *fakeaws.Cloud) {
	o := functionOptions(cloud)
	o.Code, o.Reserved = filepath.Join(t.TempDir(), "worker.zip"), 10
	l := aws.Functions(o)
	for _, text := range []string{"one", "two"} {
		if err := os.WriteFile(o.Code, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		ensured(t, l, specOf(l, t))
	}
	list, err := l.List(t.Context(), "shop")
	if err != nil || len(list) != 1 || !strings.HasPrefix(list[0].ID, "serflow-") {
		t.Fatalf("%v, %v", list, err)
	}
	if err := l.Remove(t.Context(), list[0].ID); err != nil {
		t.Error(err)
	}
}

// A vCPU-second on Lambda, by hand: 1,769 MB at the price of a GB-second.
func TestSizes(t *testing.T) {
	want := map[string]float64{"arm64": 0.0000133334 * 1769 / 1024, "amd64": 0.0000166667 * 1769 / 1024}
	for _, o := range aws.Sizes() {
		dollars := o.Cost(time.Second) - 0.20/1e6
		if vcpus := float64(o.MemoryMB) / 1769; o.Validate() != nil || math.Abs(dollars-vcpus*want[o.Arch]) > 1e-12 {
			t.Errorf("%+v costs %v", o, dollars)
		}
	}
}
