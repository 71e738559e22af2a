package fakeaws_test

import (
	"context"
	"encoding/base64"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"

	"github.com/serflow/serflow-go/internal/fakeaws"
)

func newCloud() (*fakeaws.Cloud, *ec2.Client) {
	cloud := fakeaws.New(fakeaws.Options{
		Region: "us-east-1", Images: []string{"ami-1"}, Subnets: map[string]string{"subnet-a": "us-east-1a", "subnet-b": "us-east-1b"},
		Types: map[string]float64{"m.large": 1},
	})
	return cloud, ec2.New(ec2.Options{
		Region: "us-east-1", BaseEndpoint: aws.String("https://aws.test"), HTTPClient: fakeaws.Client{Cloud: cloud}, RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKID", SecretAccessKey: "key"}, nil
		}),
	})
}

func request(token string, least, most int32) *ec2.RunInstancesInput {
	return &ec2.RunInstancesInput{
		ClientToken: &token, MinCount: &least, MaxCount: &most, ImageId: aws.String("ami-1"), InstanceType: "m.large",
		NetworkInterfaces: []types.InstanceNetworkInterfaceSpecification{{DeviceIndex: aws.Int32(0), SubnetId: aws.String("subnet-a")}},
	}
}

// What AWS refuses, and emulators often do not.
func TestRefusedLaunches(t *testing.T) {
	for want, change := range map[string]func(*ec2.RunInstancesInput){
		"IdempotentParameterMismatch":  func(in *ec2.RunInstancesInput) { in.ClientToken = aws.String("used") },
		"InsufficientInstanceCapacity": func(in *ec2.RunInstancesInput) { in.MinCount, in.MaxCount = aws.Int32(4), aws.Int32(5) },
		"InvalidAMIID.NotFound":        func(in *ec2.RunInstancesInput) { in.ImageId = aws.String("ami-2") },
		"InvalidSubnetID.NotFound":     func(in *ec2.RunInstancesInput) { in.NetworkInterfaces[0].SubnetId = aws.String("subnet-c") },
		"UnknownParameter":             func(in *ec2.RunInstancesInput) { in.EbsOptimized = aws.Bool(true) },
		"InvalidUserData.Malformed": func(in *ec2.RunInstancesInput) {
			in.UserData = aws.String(base64.StdEncoding.EncodeToString(make([]byte, 16<<10+1)))
		},
		"InvalidParameterValue min": func(in *ec2.RunInstancesInput) { in.MinCount = aws.Int32(0) },
		"InvalidParameterValue max": func(in *ec2.RunInstancesInput) { in.MaxCount = aws.Int32(1); in.MinCount = aws.Int32(2) },
		"InvalidParameterValue tok": func(in *ec2.RunInstancesInput) { in.ClientToken = aws.String(strings.Repeat("x", 65)) },
		"InvalidParameterValue typ": func(in *ec2.RunInstancesInput) { in.InstanceType = "z.large" },
		"InvalidParameterValue tag": func(in *ec2.RunInstancesInput) {
			in.TagSpecifications = []types.TagSpecification{{ResourceType: "instance", Tags: []types.Tag{{Key: aws.String("aws:x"), Value: aws.String("")}}}}
		},
	} {
		cloud, api := newCloud()
		cloud.Room("m.large", "subnet-a", 4)
		if _, err := api.RunInstances(t.Context(), request("used", 1, 1)); err != nil {
			t.Fatal(err)
		}
		in := request("new", 1, 3)
		change(in)
		_, err := api.RunInstances(t.Context(), in)
		var e smithy.APIError
		if code, _, _ := strings.Cut(want, " "); !errors.As(err, &e) || e.ErrorCode() != code || cloud.Launched() != 1 {
			t.Errorf("%v, want %s; %d launched", err, want, cloud.Launched())
		}
	}
}

// A client token is of one zone: in another it launches again, as with AWS.
func TestTokensAreOfAZone(t *testing.T) {
	cloud, api := newCloud()
	in := request("a", 1, 2)
	for range 2 {
		if out, err := api.RunInstances(t.Context(), in); err != nil || len(out.Instances) != 2 {
			t.Fatal(out, err)
		}
	}
	in.NetworkInterfaces[0].SubnetId = aws.String("subnet-b")
	if _, err := api.RunInstances(t.Context(), in); err != nil || cloud.Launched() != 4 {
		t.Errorf("%v; %d launched", err, cloud.Launched())
	}
}

// Filters know wildcards, unless they come after a backslash.
func TestFilters(t *testing.T) {
	_, api := newCloud()
	for _, owner := range []string{"shop", "shop2", "sh*p", `a\b`} {
		in := request(owner, 1, 1)
		in.TagSpecifications = []types.TagSpecification{{ResourceType: "instance", Tags: []types.Tag{{Key: aws.String("owner"), Value: &owner}}}}
		if _, err := api.RunInstances(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	got, want := map[string]int{}, map[string]int{"shop": 1, "sh*p": 2, `sh\*p`: 1, "shop?": 1, `a\\b`: 1, "*": 4, "Shop": 0}
	for value := range want {
		out, err := api.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{Filters: []types.Filter{{Name: aws.String("tag:owner"), Values: []string{value}}}})
		if err != nil {
			t.Fatal(err)
		}
		got[value] = len(out.Reservations)
	}
	if !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	for _, in := range []*ec2.DescribeInstancesInput{
		{MaxResults: aws.Int32(4)}, {Filters: []types.Filter{{Name: aws.String("owner"), Values: []string{"shop"}}}}, {NextToken: aws.String("?")},
	} {
		if _, err := api.DescribeInstances(t.Context(), in); err == nil {
			t.Errorf("%+v: no error", in)
		}
	}
}
