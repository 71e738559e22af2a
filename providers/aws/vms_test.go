package aws_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"go.uber.org/goleak"

	"github.com/serflow/serflow-go/internal/fakeaws"
	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/aws"
	"github.com/serflow/serflow-go/providers/providertest"
	"github.com/serflow/serflow-go/stage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const region = "us-east-1"

// newCloud is an AWS of two zones, whose lists are some seconds behind.
func newCloud() *fakeaws.Cloud {
	return fakeaws.New(fakeaws.Options{
		Region: region, Images: []string{"ami-worker"}, Subnets: map[string]string{"subnet-home": "us-east-1a", "subnet-next": "us-east-1a", "subnet-away": "us-east-1b"},
		Types:   map[string]float64{"c7g.large": 0.0725, "m7g.large": 0.0816, "c7g.large spot": 0.03, "m7g.large spot": 0.03, "c7i.large": 0.08925},
		Pending: 20 * time.Second, Ending: 30 * time.Second, Lag: 5 * time.Second, Page: 5,
	})
}

// to is how the SDK is told of the fake.
func to(cloud *fakeaws.Cloud) *sdk.Config {
	return &sdk.Config{
		Region: region, BaseEndpoint: sdk.String("https://aws.test"), HTTPClient: fakeaws.Client{Cloud: cloud},
		Credentials: sdk.CredentialsProviderFunc(func(context.Context) (sdk.Credentials, error) {
			return sdk.Credentials{AccessKeyID: "AKID", SecretAccessKey: "key"}, nil
		}),
	}
}

// options sell one type, or either of two that are in the same offer.
func options(cloud *fakeaws.Cloud) aws.VMOptions {
	return aws.VMOptions{
		Sold:    []aws.VM{aws.OnDemand(aws.Known("c7g.large", "m7g.large")...), aws.Spot(0.05, aws.Type{Name: "c7g.large", Arch: "arm64", VCPUs: 2, MemoryGB: 4, PerHour: 0.03})},
		Subnets: []string{"subnet-home", "subnet-away"}, SecurityGroups: []string{"sg-1"}, Image: "ami-worker", Config: to(cloud),
	}
}

func launchOf(e *aws.EC2, t *testing.T, token string, vms int) providers.Launch {
	t.Helper()
	offers, err := e.Offers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return providers.Launch{Token: token, Owner: "shop", Offer: offers[0], Stages: stage.Range{First: 0, Last: 2}, VMs: vms}
}

// inject is the faults of the suite, by what they are called here.
func inject(cloud *fakeaws.Cloud) func(providertest.Op, providertest.Fault) (func(), bool) {
	return func(op providertest.Op, f providertest.Fault) (mend func(), ok bool) {
		action := map[providertest.Op]string{
			providertest.Launch: "ec2:RunInstances", providertest.ListVMs: "ec2:DescribeInstances", providertest.End: "ec2:TerminateInstances",
		}[op]
		if f == providertest.PartGranted {
			rooms(cloud, 1, 0)
			return func() { rooms(cloud, -1, -1) }, true
		}
		cloud.Fail(action, fakeaws.Fault(f))
		return func() { cloud.Fail(action) }, action != ""
	}
}

// rooms says how many VMs there may be of each type in the home zone and in the other.
func rooms(cloud *fakeaws.Cloud, home, away int) {
	for _, t := range []string{"c7g.large", "m7g.large"} {
		cloud.Room(t, "subnet-home", home)
		cloud.Room(t, "subnet-away", away)
	}
}

func conforming(cloud *fakeaws.Cloud, o aws.VMOptions) providertest.Cloud {
	o.Config = to(cloud)
	return providertest.Cloud{
		VMs: aws.VMs(o), VMArtifact: "ami-worker", Setup: `{"credential":"the-secret-of-the-suite"}`,
		Running: cloud.Running, Launched: cloud.Launched, Inject: inject(cloud),
		Spent:     func() (vms, functions float64) { return cloud.VMDollars(), 0 },
		Successor: func(*testing.T) providertest.Cloud { return conforming(cloud, o) },
	}
}

func TestConformance(t *testing.T) {
	for name, sold := range map[string]aws.VM{
		"one type":  aws.OnDemand(aws.Known("c7g.large")...),
		"two types": aws.OnDemand(aws.Known("m7g.large", "c7g.large")...),
		"spot":      aws.Spot(0.05, aws.Type{Name: "c7g.large", Arch: "arm64", VCPUs: 2, MemoryGB: 4, PerHour: 0.03}),
	} {
		t.Run(name, func(t *testing.T) {
			providertest.RunInBubble(t, func(t *testing.T) providertest.Cloud {
				cloud := newCloud()
				o := options(cloud)
				o.Sold = []aws.VM{sold}
				if name == "one type" {
					o.Subnets = o.Subnets[:1]
				}
				return conforming(cloud, o)
			})
		})
	}
}

func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}
