package aws

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"

	"github.com/serflow/serflow-go/providers"
)

// List lists the owner's VMs, from every page. What this process has launched or ended in the
// last two minutes is listed as it knows it, since EC2 may be behind.
func (e *EC2) List(ctx context.Context, owner string) ([]providers.Instance, error) {
	const op = "list VMs"
	api, err := e.begin(ctx, op)
	if err != nil {
		return nil, err
	}
	return e.find(ctx, op, api, ownerTag, owner, func(vm providers.Instance) bool { return vm.Owner == owner })
}

// find lists the VMs with a tag. Filters of EC2 know wildcards, so which has the last word.
func (e *EC2) find(ctx context.Context, op string, api *ec2.Client, tag, value string, which func(providers.Instance) bool) ([]providers.Instance, error) {
	pages := ec2.NewDescribeInstancesPaginator(api, &ec2.DescribeInstancesInput{
		MaxResults: sdk.Int32(1000), // the most there are
		Filters:    []types.Filter{{Name: sdk.String("tag:" + tag), Values: []string{literally(value)}}},
	})
	var list []providers.Instance
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, understood(ctx, op, err)
		}
		for _, r := range page.Reservations {
			for _, i := range r.Instances {
				vm := e.options.instance(i)
				switch {
				case over(i):
					e.gone(vm.ID)
				case which(vm):
					list = append(list, vm)
				}
			}
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.memory.Correct(time.Now(), list, which), nil
}

// literally is a text without wildcards, as a filter's value.
func literally(text string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`).Replace(text)
}

// over tells whether a VM has ended, or is about to and is billed no more.
func over(i types.Instance) bool {
	return i.State != nil && (i.State.Name == types.InstanceStateNameShuttingDown || i.State.Name == types.InstanceStateNameTerminated)
}

func (e *EC2) gone(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.memory.End(time.Now(), id)
}

// instance is a VM as its tags describe it.
func (o VMOptions) instance(i types.Instance) providers.Instance {
	tags := map[string]string{}
	for _, t := range i.Tags {
		tags[sdk.ToString(t.Key)] = sdk.ToString(t.Value)
	}
	return providers.Instance{
		ID: sdk.ToString(i.InstanceId), Token: tags[tokenTag], Owner: tags[ownerTag], Address: o.address(i),
		Offer: offerFrom(tags[offerTag], tags[termsTag]), Stages: stagesFrom(tags[stagesTag]), Artifact: tags[artifactTag],
		Launched: sdk.ToTime(i.LaunchTime),
	}
}

// address is where the worker listens: the VM's private one.
func (o VMOptions) address(i types.Instance) string {
	if ip := sdk.ToString(i.PrivateIpAddress); ip != "" {
		return net.JoinHostPort(ip, strconv.Itoa(o.Port))
	}
	return ""
}

// End ends a VM. It goes on after it has returned, and is billed no more.
func (e *EC2) End(ctx context.Context, id string) error {
	const op = "end VM"
	api, err := e.begin(ctx, op)
	if err != nil {
		return err
	}
	_, err = api.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{id}})
	var answer smithy.APIError
	switch {
	case err == nil:
	case errors.As(err, &answer) && strings.HasPrefix(answer.ErrorCode(), "InvalidInstanceID."):
		e.mu.Lock()
		young := e.memory.Young(time.Now(), id)
		e.mu.Unlock()
		if young {
			return failed(op, "end it again in some seconds", fmt.Errorf("%w: EC2 does not know yet what it has just launched: %w", providers.ErrUnavailable, err))
		}
	default:
		return understood(ctx, op, err)
	}
	e.gone(id)
	return nil
}
