package aws

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/uuid"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/provisioner"
)

// candidate is one way to meet an offer.
type candidate struct {
	Type
	subnet string
}

// candidates is the ways to meet an offer: the cheapest first, with what crossing zones costs, and of
// one price the subnets in their order.
func (o VMOptions) candidates(vm VM) (all []candidate) {
	for _, subnet := range o.Subnets {
		for _, t := range vm.Types {
			all = append(all, candidate{t, subnet})
		}
	}
	cost := func(c candidate) float64 {
		switch {
		case c.subnet == o.Subnets[0]:
			return c.PerHour
		case o.Crossing > 0:
			return c.PerHour + o.Crossing
		}
		return c.PerHour + 1e9
	}
	slices.SortStableFunc(all, func(a, b candidate) int { return cmp.Compare(cost(a), cost(b)) })
	return all
}

// tokens is the namespace of EC2's client tokens.
var tokens = uuid.NewSHA1(uuid.NameSpaceURL, []byte("github.com/serflow/serflow-go/providers/aws"))

// clientToken names one request of EC2. It follows from the launch's token, so that it is the
// same however often the launch is asked for, and by which process. EC2 tells tokens apart by
// zone, but not by type.
func clientToken(l providers.Launch, c candidate) string {
	return uuid.NewSHA1(tokens, []byte(strings.Join([]string{l.Owner, l.Token, c.Name, c.subnet}, "\x00"))).String()
}

// request asks EC2 for n VMs, or as many of them as there are.
func (o VMOptions) request(l providers.Launch, c candidate, n int, userData string) *ec2.RunInstancesInput {
	in := &ec2.RunInstancesInput{
		ClientToken: sdk.String(clientToken(l, c)),
		MinCount:    sdk.Int32(1), MaxCount: sdk.Int32(int32(n)),
		InstanceType: types.InstanceType(c.Name), UserData: sdk.String(userData),
		InstanceInitiatedShutdownBehavior: types.ShutdownBehaviorTerminate,
		// A request forged through the worker does not get the VM's credentials.
		MetadataOptions: &types.InstanceMetadataOptionsRequest{
			HttpEndpoint: types.InstanceMetadataEndpointStateEnabled, HttpTokens: types.HttpTokensStateRequired, HttpPutResponseHopLimit: sdk.Int32(1),
		},
		NetworkInterfaces: []types.InstanceNetworkInterfaceSpecification{{
			DeviceIndex: sdk.Int32(0), SubnetId: sdk.String(c.subnet), Groups: o.SecurityGroups,
			AssociatePublicIpAddress: sdk.Bool(false), DeleteOnTermination: sdk.Bool(true),
		}},
		TagSpecifications: []types.TagSpecification{
			{ResourceType: types.ResourceTypeInstance, Tags: tagsOf(l, c)},
			{ResourceType: types.ResourceTypeVolume, Tags: tagsOf(l, c)},
		},
	}
	if image := cmp.Or(l.Artifact, o.Image); image != "" {
		in.ImageId = sdk.String(image)
	}
	if o.Role != "" {
		in.IamInstanceProfile = &types.IamInstanceProfileSpecification{Name: sdk.String(o.Role)}
	}
	if l.Offer.Market == provisioner.Spot {
		in.InstanceMarketOptions = &types.InstanceMarketOptionsRequest{MarketType: types.MarketTypeSpot, SpotOptions: &types.SpotMarketOptions{
			MaxPrice:         sdk.String(strconv.FormatFloat(c.PerHour, 'f', -1, 64)), // or else limits on spending would not hold
			SpotInstanceType: types.SpotInstanceTypeOneTime, InstanceInterruptionBehavior: types.InstanceInterruptionBehaviorTerminate,
		}}
	}
	if o.Template != "" {
		in.LaunchTemplate = &types.LaunchTemplateSpecification{}
		if strings.HasPrefix(o.Template, "lt-") {
			in.LaunchTemplate.LaunchTemplateId = sdk.String(o.Template)
		} else {
			in.LaunchTemplate.LaunchTemplateName = sdk.String(o.Template)
		}
	}
	return in
}

// tagsOf is what List reads again. The price is that of the type, not of the offer.
func tagsOf(l providers.Launch, c candidate) (tags []types.Tag) {
	for _, t := range [][2]string{
		{"Name", "serflow"}, {ownerTag, l.Owner}, {tokenTag, l.Token}, {stagesTag, stagesText(l.Stages)},
		{offerTag, l.Offer.Name}, {termsTag, terms(bought(l.Offer, c))}, {artifactTag, l.Artifact},
	} {
		tags = append(tags, types.Tag{Key: sdk.String(t[0]), Value: sdk.String(t[1])})
	}
	return tags
}

// bought is the offer at the price of the type that meets it.
func bought(o provisioner.VMOffer, c candidate) provisioner.VMOffer {
	o.PerHour = c.PerHour
	return o
}

// tagged reports a launch that tags and images cannot hold.
func (o VMOptions) tagged(l providers.Launch) error {
	for what, text := range map[string]string{"owner": l.Owner, "token": l.Token, "name of the offer": l.Offer.Name, "artifact": l.Artifact, "terms of the offer": terms(l.Offer)} {
		if err := fits(what, text); err != nil {
			return err
		}
	}
	image := cmp.Or(l.Artifact, o.Image)
	switch {
	case image == "" && o.Template == "":
		return fmt.Errorf("%w: nothing to run: give VMOptions.Image, or a machine image as the artifact", providers.ErrInvalid)
	case image != "" && !strings.HasPrefix(image, "ami-") && !strings.HasPrefix(image, "resolve:ssm:"):
		return fmt.Errorf("%w: the artifact %q is no machine image: give one such as ami-0abc or resolve:ssm:/shop/image", providers.ErrInvalid, image)
	}
	return nil
}
