package gcp

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/providers"
)

// prefixOf begins the names of an owner's services: Cloud Run lists by no label.
func prefixOf(owner string) string { return "serflow-" + digest(owner)[:12] + "-" }

// nameOf is the name of the service that a spec describes: the same for equal specs, whoever asks.
func nameOf(s providers.FunctionSpec) string {
	name := prefixOf(s.Owner) + digest(s.Offer.Name, functionTerms(s.Offer), stagesText(s.Stages), s.Artifact, s.Setup)
	return name[:longestName]
}

// port is what the worker in a container listens at.
const port = 8080

// serviceOf is the service that a spec is to be, without what Cloud Run adds. Its error wraps
// providers.ErrInvalid.
func (o FunctionOptions) serviceOf(s providers.FunctionSpec, size Size) (*runpb.Service, error) {
	image := cmp.Or(s.Artifact, o.Image)
	if !strings.Contains(image, "/") || strings.ContainsAny(image, " \t\n") || strings.Contains(image, "://") {
		return nil, fmt.Errorf("%w: the artifact %q is no container image: give FunctionOptions.Image, or one such as us-central1-docker.pkg.dev/project/shop/worker:1", providers.ErrInvalid, image)
	}
	env, err := told(s, nameOf(s))
	if err != nil {
		return nil, err
	}
	timeout := o.Timeout
	if t := s.Offer.Timeout; t > 0 {
		timeout = min(timeout, t)
	}
	labels := map[string]string{ownerKey: label(s.Owner)}
	want := &runpb.Service{
		Labels: labels, Annotations: functionTags(s),
		// Of the service and not of each revision, so that old revisions keep nothing warm.
		Scaling: &runpb.ServiceScaling{MinInstanceCount: int32(size.Min)},
		Template: &runpb.RevisionTemplate{
			Labels: labels, ServiceAccount: o.ServiceAccount, Timeout: durationpb.New(timeout),
			Scaling:                       &runpb.RevisionScaling{MaxInstanceCount: int32(cmp.Or(size.Max, mostDefault))},
			MaxInstanceRequestConcurrency: int32(cmp.Or(size.Calls, 1)),
			Containers: []*runpb.Container{{
				Image: image, Env: env, Ports: []*runpb.ContainerPort{{ContainerPort: port}},
				Resources: &runpb.ResourceRequirements{
					Limits:  map[string]string{"cpu": fmt.Sprintf("%g", size.CPU), "memory": fmt.Sprintf("%dMi", s.Offer.MemoryMB)},
					CpuIdle: size.Billing == ByRequest,
				},
				// An instance gets no call before its worker has opened the model, for which it has four minutes.
				StartupProbe: &runpb.Probe{PeriodSeconds: 1, TimeoutSeconds: 1, FailureThreshold: 240, ProbeType: &runpb.Probe_HttpGet{
					HttpGet: &runpb.HTTPGetAction{Path: "/v2/health/live", Port: port},
				}},
			}},
		},
	}
	plan, err := proto.MarshalOptions{Deterministic: true}.Marshal(want)
	if err != nil {
		return nil, fmt.Errorf("%w: the service: %w", providers.ErrInvalid, err)
	}
	want.Annotations[planKey] = digest(string(plan))
	return want, nil
}

// told is what a worker in a container is told, by its environment. Who may call a service is a
// matter of IAM, so the worker's own credential is nothing secret: the service's name.
func told(s providers.FunctionSpec, service string) ([]*runpb.EnvVar, error) {
	start, err := json.Marshal(launch.Start{
		Kind: launch.Function, Listen: fmt.Sprintf("0.0.0.0:%d", port), Setup: s.Setup, Credential: service, Pace: 1,
	})
	if err != nil {
		return nil, fmt.Errorf("%w: the setup: %w", providers.ErrInvalid, err)
	}
	if n := len(start); n > longestText {
		return nil, fmt.Errorf("%w: what the worker is told has %d bytes, %d more than a variable holds: tell functions less", providers.ErrInvalid, n, n-longestText)
	}
	variable := func(name, value string) *runpb.EnvVar {
		return &runpb.EnvVar{Name: name, Values: &runpb.EnvVar_Value{Value: value}}
	}
	return []*runpb.EnvVar{variable(launch.Environment, launch.InEnvironment), variable(launch.StartVariable, string(start))}, nil
}

// renew turns a service that there is into the one that it is to be. Its traffic stays where it is
// until the new revision is ready.
func renew(there, want *runpb.Service) *runpb.Service {
	next := proto.CloneOf(there)
	next.Labels, next.Annotations, next.Scaling, next.Template = want.Labels, want.Annotations, want.Scaling, proto.CloneOf(want.Template)
	if old := last(there.LatestReadyRevision); old != "" {
		next.Traffic = all(serving(there, old))
	}
	return next
}

// again turns a service whose last revision has failed into one with another of the same kind.
func again(there *runpb.Service, now time.Time) *runpb.Service {
	next := proto.CloneOf(there)
	if next.Template.Annotations == nil {
		next.Template.Annotations = map[string]string{}
	}
	next.Template.Annotations[attemptKey] = fmt.Sprint(now.UnixNano())
	return next
}

// serving is the revision that has all traffic, or else the one that is given.
func serving(s *runpb.Service, otherwise string) string {
	if len(s.Traffic) == 1 && s.Traffic[0].Revision != "" {
		return s.Traffic[0].Revision
	}
	return otherwise
}

// all is all traffic to one revision.
func all(revision string) []*runpb.TrafficTarget {
	return []*runpb.TrafficTarget{{Type: runpb.TrafficTargetAllocationType_TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION, Revision: revision, Percent: 100}}
}

// behind tells whether traffic goes to another revision than the newest, which is ready.
func behind(s *runpb.Service) bool {
	newest := last(s.LatestCreatedRevision)
	return newest != "" && newest == last(s.LatestReadyRevision) && serving(s, newest) != newest
}

// last is the last part of a resource's name.
func last(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }
