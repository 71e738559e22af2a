package aws_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/serflow/serflow-go/internal/fakeaws"
	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/aws"
	"github.com/serflow/serflow-go/provisioner"
)

// launched launches VMs and returns them, and what the first was launched with.
func launched(t *testing.T, cloud *fakeaws.Cloud, e *aws.EC2, l providers.Launch) ([]providers.Instance, map[string]string) {
	t.Helper()
	vms, err := e.Launch(t.Context(), l)
	if err != nil || len(vms) == 0 {
		t.Fatalf("%v, %v", vms, err)
	}
	with := map[string]string{}
	for name, values := range cloud.Launch(vms[0].ID) {
		with[name] = values[0]
	}
	return vms, with
}

// tagsOf is the tags of one specification of a launch.
func tagsOf(with map[string]string, specification string) map[string]string {
	tags := map[string]string{}
	for name, key := range with {
		if rest, ok := strings.CutPrefix(name, specification+".Tag."); ok && strings.HasSuffix(rest, ".Key") {
			tags[key] = with[strings.TrimSuffix(name, "Key")+"Value"]
		}
	}
	return tags
}

// A VM is safe from its first second: tagged, private, with the second metadata service, and
// gone when it shuts down.
func TestWhatIsAskedOfEC2(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newCloud()
		o := options(cloud)
		o.Role, o.Port, o.Command = "worker", 9000, "/srv/shop -v"
		e := aws.VMs(o)
		l := launchOf(e, t, "shop-1", 3)
		l.Setup = `{"credential":"secret"}`
		vms, with := launched(t, cloud, e, l)
		for name, want := range map[string]string{
			"ImageId": "ami-worker", "InstanceType": "c7g.large", "MinCount": "1", "MaxCount": "3",
			"InstanceInitiatedShutdownBehavior":           "terminate",
			"IamInstanceProfile.Name":                     "worker",
			"MetadataOptions.HttpTokens":                  "required",
			"MetadataOptions.HttpEndpoint":                "enabled",
			"MetadataOptions.HttpPutResponseHopLimit":     "1",
			"NetworkInterface.1.AssociatePublicIpAddress": "false",
			"NetworkInterface.1.SubnetId":                 "subnet-home",
			"NetworkInterface.1.SecurityGroupId.1":        "sg-1",
			"NetworkInterface.1.DeleteOnTermination":      "true",
			"TagSpecification.1.ResourceType":             "instance",
			"TagSpecification.2.ResourceType":             "volume",
		} {
			if with[name] != want {
				t.Errorf("%s is %q, want %q", name, with[name], want)
			}
		}
		for _, specification := range []string{"TagSpecification.1", "TagSpecification.2"} {
			tags := tagsOf(with, specification)
			if tags["serflow:owner"] != "shop" || tags["serflow:token"] != "shop-1" || tags["serflow:stages"] != "0-2" || tags["serflow:offer"] != "c7g.large" {
				t.Errorf("%s: %v", specification, tags)
			}
		}
		script, err := base64.StdEncoding.DecodeString(with["UserData"])
		for _, part := range []string{
			`{"kind":"vm","listen":"0.0.0.0:9000","setup":"{\"credential\":\"secret\"}","pace":1}`, "SERFLOW_WORKER=", "/srv/shop -v\n", "shutdown",
		} {
			if err != nil || !strings.Contains(string(script), part) {
				t.Errorf("%q is not in the user data: %s, %v", part, script, err)
			}
		}
		delete(with, "UserData")
		for name, value := range with {
			if strings.Contains(value, "secret") || name == "InstanceMarketOptions.MarketType" {
				t.Errorf("%s is %q", name, value)
			}
		}
		if vms[0].Address != "10.0.0.5:9000" {
			t.Errorf("its address is %q", vms[0].Address)
		}
	})
}

func TestSpotAndTemplates(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for template, parameter := range map[string]string{"lt-0abc": "LaunchTemplate.LaunchTemplateId", "shop": "LaunchTemplate.LaunchTemplateName"} {
			cloud := newCloud()
			o := options(cloud)
			o.Template = template
			e := aws.VMs(o)
			l := launchOf(e, t, "a", 1)
			offers, _ := e.Offers(t.Context())
			l.Offer = offers[1]
			vms, with := launched(t, cloud, e, l)
			if with["InstanceMarketOptions.MarketType"] != "spot" || with["InstanceMarketOptions.SpotOptions.InstanceInterruptionBehavior"] != "terminate" ||
				with["InstanceMarketOptions.SpotOptions.MaxPrice"] != "0.03" || with[parameter] != template {
				t.Errorf("%v", with)
			}
			if o := vms[0].Offer; o != l.Offer || o.Market != provisioner.Spot || o.Name != "c7g.large spot" || o.PerHour != 0.03 {
				t.Errorf("%+v", o)
			}
		}
	})
}

// What can never succeed says so, before anything is called.
func TestWhatCannotBeLaunched(t *testing.T) {
	for what, c := range map[string]struct {
		options func(*aws.VMOptions)
		launch  func(*providers.Launch)
		says    string
	}{
		"no subnet":              {options: func(o *aws.VMOptions) { o.Subnets = nil }, says: "VMOptions.Subnets"},
		"no image":               {options: func(o *aws.VMOptions) { o.Image = "" }, says: "VMOptions.Image"},
		"no machine image":       {launch: func(l *providers.Launch) { l.Artifact = "s3://bucket/worker" }, says: "machine image"},
		"a port that cannot be":  {options: func(o *aws.VMOptions) { o.Port = 70000 }, says: "65535"},
		"a command of two lines": {options: func(o *aws.VMOptions) { o.Command = "a\nb" }, says: "line"},
		"a type nobody knows":    {options: func(o *aws.VMOptions) { o.Sold = append(o.Sold, aws.OnDemand(aws.Known("z9.nano")...)) }, says: "z9.nano"},
		"two offers of one name": {options: func(o *aws.VMOptions) { o.Sold = append(o.Sold, o.Sold[0]) }, says: "one name"},
		"two architectures":      {options: func(o *aws.VMOptions) { o.Sold[0].Types = aws.Known("c7g.large", "c7i.large") }, says: "one image"},
		"a type above the price": {options: func(o *aws.VMOptions) { o.Sold[0].Types[0].PerHour = 9 }, says: "limits"},
		"crossing that pays":     {options: func(o *aws.VMOptions) { o.Crossing = -1 }, says: "Crossing"},
		"an offer without types": {options: func(o *aws.VMOptions) { o.Sold[0].Types = nil }, says: "no instance type"},
		"a long owner":           {launch: func(l *providers.Launch) { l.Owner = strings.Repeat("é", 260) }, says: "260 characters, 4 more"},
		"a setup that is long":   {launch: func(l *providers.Launch) { l.Setup = strings.Repeat("x", 20000) }, says: "more than EC2 takes"},
	} {
		t.Run(what, func(t *testing.T) {
			cloud := newCloud()
			o := options(cloud)
			l := launchOf(aws.VMs(o), t, "a", 1)
			if c.options != nil {
				c.options(&o)
			}
			if c.launch != nil {
				c.launch(&l)
			}
			_, err := aws.VMs(o).Launch(t.Context(), l)
			isError(t, err, providers.ErrInvalid, c.says)
			if len(cloud.Calls()) != 0 {
				t.Errorf("called: %v", cloud.Calls())
			}
		})
	}
}
