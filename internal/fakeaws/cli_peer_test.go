//go:build peers

package fakeaws_test

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/serflow/serflow-go/internal/fakeaws"
)

// cli is AWS's command line, which is written in Python and shares nothing with the SDK that package
// aws calls. .ci/peers installs Debian's.
type cli struct {
	t        *testing.T
	program  string
	endpoint string
	home     string
}

// run is a command that succeeds, with its answer.
func (c cli) run(into any, args ...string) {
	c.t.Helper()
	out, err := c.command(args)
	if err != nil {
		c.t.Fatalf("aws %v: %v\n%s", args, err, out)
	}
	if into != nil {
		if err := json.Unmarshal(out, into); err != nil {
			c.t.Fatalf("aws %v: %v\n%s", args, err, out)
		}
	}
}

// refused is a command that fails, and says so with a code.
func (c cli) refused(code string, args ...string) {
	c.t.Helper()
	if out, err := c.command(args); err == nil || !strings.Contains(string(out), "("+code+")") {
		c.t.Errorf("aws %v: %v\n%s\nwant %s", args, err, out, code)
	}
}

func (c cli) command(args []string) ([]byte, error) {
	cmd := exec.Command(c.program, append(args, "--endpoint-url", c.endpoint)...)
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + c.home, "AWS_ACCESS_KEY_ID=AKID", "AWS_SECRET_ACCESS_KEY=key", "AWS_DEFAULT_REGION=us-east-1",
		"AWS_EC2_METADATA_DISABLED=true", "AWS_MAX_ATTEMPTS=1", "AWS_PAGER=", "AWS_DEFAULT_OUTPUT=json",
	}
	out, err := cmd.CombinedOutput()
	return out, err
}

func newCLI(t *testing.T, cloud *fakeaws.Cloud) cli {
	t.Helper()
	program := os.Getenv("SERFLOW_AWS_CLI")
	if program == "" {
		t.Fatal("SERFLOW_AWS_CLI is not set: run .ci/peers")
	}
	server := httptest.NewServer(cloud)
	t.Cleanup(server.Close)
	return cli{t, program, server.URL, t.TempDir()}
}

// instances is part of EC2's answers.
type instances struct {
	Instances    []struct{ InstanceId, PrivateIpAddress string }
	Reservations []instances
}

func (i instances) ids() (ids []string) {
	for _, x := range i.Instances {
		ids = append(ids, x.InstanceId)
	}
	for _, r := range i.Reservations {
		ids = append(ids, r.ids()...)
	}
	slices.Sort(ids)
	return ids
}

func TestTheCommandLineOnEC2(t *testing.T) {
	cloud := fakeaws.New(fakeaws.Options{
		Region: "us-east-1", Images: []string{"ami-1"}, Subnets: map[string]string{"subnet-a": "us-east-1a"}, Types: map[string]float64{"m5.large": 1}, Page: 5,
	})
	c := newCLI(t, cloud)
	launch := []string{
		"ec2", "run-instances", "--client-token", "one", "--count", "1:7", "--image-id", "ami-1", "--instance-type", "m5.large",
		"--network-interfaces", `[{"DeviceIndex":0,"SubnetId":"subnet-a"}]`, "--tag-specifications", "ResourceType=instance,Tags=[{Key=serflow:owner,Value=shop}]",
	}
	var first, again, listed instances
	c.run(&first, launch...)
	c.run(&again, launch...)
	c.run(&listed, "ec2", "describe-instances", "--filters", "Name=tag:serflow:owner,Values=shop") // two pages
	if ids := first.ids(); len(ids) != 7 || !slices.Equal(ids, again.ids()) || !slices.Equal(ids, listed.ids()) || first.Instances[0].PrivateIpAddress == "" {
		t.Errorf("launched %v, again %v, listed %v", ids, again.ids(), listed.ids())
	}
	launch[5] = "1:6"
	c.refused("IdempotentParameterMismatch", launch...)
	c.run(nil, append([]string{"ec2", "terminate-instances", "--instance-ids"}, first.ids()...)...)
	if len(cloud.Running()) > 0 {
		t.Errorf("%v run", cloud.Running())
	}
}

// archive is a zip file, which the command line insists on.
func archive(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	if _, err := z.Create("bootstrap"); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestTheCommandLineOnLambdaAndS3(t *testing.T) {
	cloud := fakeaws.New(fakeaws.Options{Region: "us-east-1", Buckets: []string{"bucket"}, Function: func(payload []byte) ([]byte, error) { return payload, nil }})
	c := newCLI(t, cloud)
	file, answer := filepath.Join(c.home, "worker.zip"), filepath.Join(c.home, "answer")
	if err := os.WriteFile(file, archive(t), 0o600); err != nil {
		t.Fatal(err)
	}
	c.run(nil, "lambda", "create-function", "--function-name", "f", "--role", "arn:aws:iam::123456789012:role/worker", "--runtime", "provided.al2023", "--handler", "bootstrap",
		"--zip-file", "fileb://"+file, "--architectures", "arm64", "--memory-size", "1769", "--timeout", "60", "--package-type", "Zip", "--environment", "Variables={A=b}")
	var version struct{ Version string }
	c.run(&version, "lambda", "publish-version", "--function-name", "f")
	c.run(nil, "lambda", "create-alias", "--function-name", "f", "--name", "live", "--function-version", version.Version)
	var called struct {
		StatusCode                 int
		LogResult, ExecutedVersion string
	}
	c.run(&called, "lambda", "invoke", "--function-name", "f", "--qualifier", "live", "--log-type", "Tail", "--cli-binary-format", "raw-in-base64-out", "--payload", `"YWJj"`, answer)
	log, _ := base64.StdEncoding.DecodeString(called.LogResult)
	if got, err := os.ReadFile(answer); err != nil || string(got) != `"YWJj"` || called.StatusCode != 200 || called.ExecutedVersion != "1" || !strings.Contains(string(log), "Billed Duration: ") {
		t.Errorf("%s, %v; %+v, %s", got, err, called, log)
	}
	c.refused("ResourceNotFoundException", "lambda", "get-function-configuration", "--function-name", "g")
	var list struct {
		Functions []struct{ FunctionName string }
	}
	c.run(&list, "lambda", "list-functions")
	if len(list.Functions) != 1 || list.Functions[0].FunctionName != "f" {
		t.Errorf("%+v", list)
	}
	c.run(nil, "lambda", "delete-function", "--function-name", "f")
	fetched := filepath.Join(c.home, "fetched")
	c.run(nil, "s3", "cp", "--only-show-errors", file, "s3://bucket/serflow/shop/worker")
	c.run(nil, "s3", "cp", "--only-show-errors", "--region", "us-east-1", "s3://bucket/serflow/shop/worker", fetched) // as a VM of examples/aws does
	if got, err := os.ReadFile(fetched); err != nil || !bytes.Equal(got, archive(t)) || cloud.Functions() != 0 {
		t.Errorf("%d bytes, %v; %d functions", len(got), err, cloud.Functions())
	}
}
