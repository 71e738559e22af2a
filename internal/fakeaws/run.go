package fakeaws

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

const runParameters = `ClientToken|MinCount|MaxCount|ImageId|InstanceType|UserData|InstanceInitiatedShutdownBehavior|IamInstanceProfile\.Name` +
	`|LaunchTemplate\.LaunchTemplate(Id|Name)|MetadataOptions\.(HttpEndpoint|HttpTokens|HttpPutResponseHopLimit)` +
	`|InstanceMarketOptions\.MarketType|InstanceMarketOptions\.SpotOptions\.(MaxPrice|SpotInstanceType|InstanceInterruptionBehavior)` +
	`|NetworkInterface\.1\.(DeviceIndex|SubnetId|AssociatePublicIpAddress|DeleteOnTermination|SecurityGroupId\.\d+)` +
	`|TagSpecification\.\d+\.(ResourceType|Tag\.\d+\.(Key|Value))`

// launch is what a client token was used for.
type launch struct {
	parameters string
	vms        []*vm
}

// vm is one that there is, or was.
type vm struct {
	id, instanceType, subnet, zone string
	parameters                     parameters
	launched, ended                time.Time
	tags                           map[string]string
	address                        string
	stop                           func() // what it runs
}

// sold is the VM's type, and whether it is spot.
func (v *vm) sold() string { return sold(v.parameters) }

func sold(p parameters) string {
	if p.Get("InstanceMarketOptions.MarketType") == "spot" {
		return p.Get("InstanceType") + " spot"
	}
	return p.Get("InstanceType")
}

func (v *vm) end(now time.Time) {
	if v.ended.IsZero() {
		v.ended = now
		if v.stop != nil {
			v.stop()
		}
	}
}

// run is RunInstances: as many VMs as there is room for, at least MinCount, once for each
// client token and zone.
func (c *Cloud) run(p parameters, fault Fault) (any, *refusal) {
	least, most, refused := c.runnable(p)
	if refused != nil {
		return nil, refused
	}
	subnet := p.Get("NetworkInterface.1.SubnetId")
	zone := c.options.Subnets[subnet]
	key, text := zone+" "+p.Get("ClientToken"), p.Encode()
	if before := c.launches[key]; before != nil {
		if before.parameters != text {
			return nil, &refusal{400, "IdempotentParameterMismatch", "The client token is the same as another's, and the parameters are not."}
		}
		return reservations{c.reservation(before.vms)}, nil
	}
	place := p.Get("InstanceType") + " " + subnet
	room, limited := c.room[place]
	limit, asked := strconv.ParseFloat(p.Get("InstanceMarketOptions.SpotOptions.MaxPrice"), 64)
	switch {
	case asked == nil && limit < c.options.Types[sold(p)]:
		return nil, &refusal{400, "SpotMaxPriceTooLow", "Your Spot request price of " + fmt.Sprint(limit) + " is lower than the minimum required Spot request fulfillment price."}
	case fault == OverQuota:
		return nil, &refusal{400, "VcpuLimitExceeded", "You have requested more vCPU capacity than your current vCPU limit of 2 allows."}
	case fault == NoCapacity || limited && room < least:
		return nil, &refusal{500, "InsufficientInstanceCapacity", "We currently do not have sufficient " + p.Get("InstanceType") + " capacity in the Availability Zone you requested (" + zone + ")."}
	}
	if limited {
		most = min(most, room)
		c.room[place] -= most
	}
	l := &launch{parameters: text}
	tags, _ := p.tags("instance")
	for range most {
		n := len(c.vms) + 1
		l.vms = append(l.vms, &vm{
			id: fmt.Sprintf("i-%017x", n), instanceType: p.Get("InstanceType"), subnet: subnet, zone: zone, parameters: p,
			launched: time.Now(), tags: maps.Clone(tags), address: c.address(n),
		})
		c.boot(l.vms[len(l.vms)-1])
		c.vms = append(c.vms, l.vms[len(l.vms)-1])
	}
	c.launches[key] = l
	return reservations{c.reservation(l.vms)}, nil
}

// runnable checks what a launch asks for. It insists on what is good for its user too.
func (c *Cloud) runnable(p parameters) (least, most int, refused *refusal) {
	if least, refused = p.number("MinCount", 1, 1000); refused != nil {
		return 0, 0, refused
	}
	if most, refused = p.number("MaxCount", least, 1000); refused != nil {
		return 0, 0, refused
	}
	for _, resource := range []string{"instance", "volume"} {
		if _, refused = p.tags(resource); refused != nil {
			return 0, 0, refused
		}
	}
	userData, err := base64.StdEncoding.DecodeString(p.Get("UserData"))
	token := p.Get("ClientToken")
	_, priced := c.options.Types[sold(p)]
	_, there := c.options.Subnets[p.Get("NetworkInterface.1.SubnetId")]
	switch {
	case token == "" || len(token) > 64 || strings.ContainsFunc(token, func(r rune) bool { return r > 126 }):
		return 0, 0, &refusal{400, "InvalidParameterValue", "Client tokens have up to 64 ASCII characters."}
	case err != nil || len(userData) > 16<<10:
		return 0, 0, &refusal{400, "InvalidUserData.Malformed", "Invalid BASE64 encoding of user data, or more than 16384 bytes."}
	case !priced:
		return 0, 0, &refusal{400, "InvalidParameterValue", "Invalid value '" + p.Get("InstanceType") + "' for InstanceType."}
	case !there:
		return 0, 0, &refusal{400, "InvalidSubnetID.NotFound", "The subnet ID '" + p.Get("NetworkInterface.1.SubnetId") + "' does not exist"}
	case !slices.Contains(c.options.Images, p.Get("ImageId")):
		return 0, 0, &refusal{400, "InvalidAMIID.NotFound", "The image id '[" + p.Get("ImageId") + "]' does not exist"}
	}
	return least, most, nil
}

// Launch is what a VM was launched with, by parameter of RunInstances; nil if there never was
// one.
func (c *Cloud) Launch(id string) map[string][]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, vm := range c.vms {
		if vm.id == id {
			return vm.parameters.Values
		}
	}
	return nil
}
