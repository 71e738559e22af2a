package fakeaws

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"
)

const describeParameters = `MaxResults|NextToken|Filter\.\d+\.(Name|Value\.\d+)|InstanceId\.\d+`

// The answers, as EC2 writes them.
type (
	described struct {
		Reservations []reservation `xml:"reservationSet>item"`
		Next         string        `xml:"nextToken,omitempty"`
	}
	reservations struct {
		reservation
	}
	reservation struct {
		ID        string     `xml:"reservationId"`
		Owner     string     `xml:"ownerId"`
		Instances []instance `xml:"instancesSet>item"`
	}
	instance struct {
		ID        string `xml:"instanceId"`
		Image     string `xml:"imageId"`
		State     state  `xml:"instanceState"`
		Address   string `xml:"privateIpAddress,omitempty"`
		Type      string `xml:"instanceType"`
		Launched  string `xml:"launchTime"`
		Zone      string `xml:"placement>availabilityZone"`
		Subnet    string `xml:"subnetId"`
		Token     string `xml:"clientToken"`
		Lifecycle string `xml:"instanceLifecycle,omitempty"`
		Tags      []tag  `xml:"tagSet>item"`
	}
	state struct {
		Code int    `xml:"code"`
		Name string `xml:"name"`
	}
	tag struct {
		Key   string `xml:"key"`
		Value string `xml:"value"`
	}
)

// remembers is for how long a VM is listed that has ended.
const remembers = time.Hour

// describe is DescribeInstances: page by page, and behind by the lag.
func (c *Cloud) describe(p parameters, _ Fault) (any, *refusal) {
	size := 1000
	if p.Has("MaxResults") {
		n, refused := p.number("MaxResults", 5, 1000)
		if refused != nil {
			return nil, refused
		}
		size = n
	}
	if c.options.Page > 0 {
		size = min(size, c.options.Page)
	}
	var found []*vm
	for _, vm := range c.vms {
		fits, refused := c.fits(vm, p)
		if refused != nil {
			return nil, refused
		}
		if fits && c.visible(vm) {
			found = append(found, vm)
		}
	}
	after, err := base64.URLEncoding.DecodeString(p.Get("NextToken"))
	if err != nil {
		return nil, &refusal{400, "InvalidNextToken", "The token is not valid."}
	}
	found = slices.DeleteFunc(found, func(vm *vm) bool { return vm.id <= string(after) }) // IDs rise
	var answer described
	if len(found) > size {
		found = found[:size]
		answer.Next = base64.URLEncoding.EncodeToString([]byte(found[size-1].id))
	}
	for _, vm := range found {
		answer.Reservations = append(answer.Reservations, c.reservation(oneOf(vm)))
	}
	return answer, nil
}

func oneOf(x *vm) []*vm { return []*vm{x} }

// visible tells whether a VM is listed.
func (c *Cloud) visible(v *vm) bool {
	now := time.Now()
	return now.Sub(v.launched) >= c.options.Lag && (v.ended.IsZero() || now.Sub(v.ended) < remembers)
}

// fits tells whether a VM fits all filters, of each of which one value is enough.
func (c *Cloud) fits(v *vm, p parameters) (bool, *refusal) {
	for i, name := range p.list("Filter", ".Name") {
		values := p.list(fmt.Sprintf("Filter.%d.Value", i+1), "")
		var has string
		key, ofTag := strings.CutPrefix(name, "tag:")
		switch {
		case ofTag:
			has = v.tags[key]
		case name == "instance-state-name":
			has = c.state(v, c.options.Lag).Name
		default:
			return false, &refusal{400, "InvalidParameterValue", "The filter '" + name + "' is invalid"}
		}
		if _, tagged := v.tags[key]; ofTag && !tagged || !slices.ContainsFunc(values, func(value string) bool { return like(value, has) }) {
			return false, nil
		}
	}
	return true, nil
}

// state is that of a VM as it is known so long after it has changed.
func (c *Cloud) state(v *vm, lag time.Duration) state {
	now := time.Now().Add(-lag)
	switch {
	case !v.ended.IsZero() && now.Sub(v.ended) >= c.options.Ending:
		return state{48, "terminated"}
	case !v.ended.IsZero() && !now.Before(v.ended):
		return state{32, "shutting-down"}
	case now.Sub(v.launched) >= c.options.Pending:
		return state{16, "running"}
	}
	return state{0, "pending"}
}

func (c *Cloud) reservation(vms []*vm) reservation {
	r := reservation{ID: "r-1", Owner: "123456789012"}
	for _, v := range vms {
		i := instance{
			ID: v.id, Image: v.parameters.Get("ImageId"), State: c.state(v, c.options.Lag), Address: v.address, Type: v.instanceType,
			Launched: v.launched.UTC().Format("2006-01-02T15:04:05.000Z"), Zone: v.zone, Subnet: v.subnet, Token: v.parameters.Get("ClientToken"),
		}
		if v.parameters.Get("InstanceMarketOptions.MarketType") == "spot" {
			i.Lifecycle = "spot"
		}
		for key, value := range v.tags {
			i.Tags = append(i.Tags, tag{key, value})
		}
		r.Instances = append(r.Instances, i)
	}
	return r
}

// terminated is EC2's answer to TerminateInstances.
type terminated struct {
	Instances []change `xml:"instancesSet>item"`
}

type change struct {
	ID  string `xml:"instanceId"`
	Now state  `xml:"currentState"`
	Was state  `xml:"previousState"`
}

// terminate is TerminateInstances: all of them, or none if one is not known, or not yet.
func (c *Cloud) terminate(p parameters, _ Fault) (any, *refusal) {
	ids := p.list("InstanceId", "")
	var all []*vm
	for _, id := range ids {
		i := slices.IndexFunc(c.vms, func(v *vm) bool { return v.id == id && c.visible(v) })
		switch {
		case !strings.HasPrefix(id, "i-") || len(id) != 19:
			return nil, &refusal{400, "InvalidInstanceID.Malformed", "Invalid id: \"" + id + "\""}
		case i < 0:
			return nil, &refusal{400, "InvalidInstanceID.NotFound", "The instance ID '" + id + "' does not exist"}
		}
		all = append(all, c.vms[i])
	}
	if len(all) == 0 {
		return nil, &refusal{400, "MissingParameter", "The request must contain the parameter InstanceId"}
	}
	var answer terminated
	for _, v := range all {
		was := c.state(v, 0)
		v.end(time.Now())
		answer.Instances = append(answer.Instances, change{v.id, c.state(v, 0), was})
	}
	return answer, nil
}
