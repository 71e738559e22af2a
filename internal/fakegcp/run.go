package fakegcp

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// service is one of Cloud Run, with its revisions.
type service struct {
	*runpb.Service
	revisions map[string]*revision
}

// revision is one of a service, and its instances that are idle.
type revision struct {
	template *runpb.RevisionTemplate
	ready    bool
	idle     []*instance
	running  int // instances, idle or not
}

// operation is one that an API has begun.
type operation struct {
	name   string
	ready  time.Time // when it is done; zero if never
	done   bool
	effect func() error // what it does in the end
	err    error
	about  func() *runpb.Service
}

// runAPI is Cloud Run's API.
type runAPI struct {
	runpb.UnimplementedServicesServer
	longrunningpb.UnimplementedOperationsServer
	*Cloud
}

// general is the error that any call may come to, before it does anything.
func general(f Fault, permission string) error {
	switch f {
	case Throttled:
		return status.Error(codes.ResourceExhausted, "Quota exceeded for quota metric 'Write requests' and limit 'Write requests per minute per region' of service 'run.googleapis.com'.")
	case Denied:
		return status.Errorf(codes.PermissionDenied, "Permission '%s' denied on resource (or resource may not exist).", permission)
	case Unavailable:
		return status.Error(codes.Unavailable, "The service is currently unavailable.")
	case OverQuota:
		return status.Error(codes.ResourceExhausted, "Quota exceeded for total number of services per region.")
	}
	return nil
}

// lost is the error of a caller whose connection breaks.
func lost(f Fault) error {
	if f == AnswerLost {
		return status.Error(codes.Unavailable, "error reading from server: connection reset by peer")
	}
	return nil
}

// settle ends the operations whose time has come. The cloud is locked.
func (c *Cloud) settle() {
	now := time.Now()
	for _, name := range slices.Sorted(maps.Keys(c.operations)) {
		if op := c.operations[name]; !op.done && !op.ready.IsZero() && !now.Before(op.ready) {
			op.done, op.err = true, op.effect()
		}
	}
}

var serviceID = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,47}[a-z0-9])?$`)

func (c *Cloud) location() string {
	return "projects/" + c.options.Project + "/locations/" + c.options.Region
}

func invalid(format string, args ...any) error {
	return status.Errorf(codes.InvalidArgument, format, args...)
}

// valid checks what a service is to be.
func valid(s *runpb.Service) error {
	t := s.GetTemplate()
	if len(t.GetContainers()) != 1 {
		return invalid("template.containers: %d of them", len(t.GetContainers()))
	}
	for key, value := range s.Labels {
		if !labelText.MatchString(key) || !labelText.MatchString(value) {
			return invalid("label %q: %q", key, value)
		}
	}
	switch c := t.Containers[0]; {
	case c.Image == "" || len(c.Ports) != 1:
		return invalid("container: image %q, ports %v", c.Image, c.Ports)
	case !slices.Contains([]string{"1", "2", "4", "6", "8"}, c.Resources.Limits["cpu"]) || !strings.HasSuffix(c.Resources.Limits["memory"], "Mi"):
		return invalid("container: limits %v", c.Resources.Limits)
	case t.Timeout.AsDuration() < time.Second || t.Timeout.AsDuration() > time.Hour:
		return invalid("template.timeout: %v", t.Timeout)
	case t.MaxInstanceRequestConcurrency < 1 || t.MaxInstanceRequestConcurrency > 1000 || t.Scaling.GetMaxInstanceCount() < 1:
		return invalid("template: concurrency %d, scaling %v", t.MaxInstanceRequestConcurrency, t.Scaling)
	}
	for _, target := range s.Traffic {
		if target.Percent != 100 || len(s.Traffic) != 1 {
			return invalid("traffic: %v", s.Traffic)
		}
	}
	return nil
}

// permissions are what a change of a service needs.
func permissions(call string, s *runpb.Service) []string {
	all := []string{"run.services." + call}
	if s.GetTemplate().GetServiceAccount() != "" {
		all = append(all, "iam.serviceAccounts.actAs")
	}
	return all
}

func (a *runAPI) CreateService(_ context.Context, r *runpb.CreateServiceRequest) (*longrunningpb.Operation, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.settle()
	needs := permissions("create", r.Service)
	fault := a.enter(needs...)
	if err := general(fault, needs[0]); err != nil {
		return nil, err
	}
	switch {
	case r.Parent != a.location():
		return nil, invalid("parent %q", r.Parent)
	case !serviceID.MatchString(r.ServiceId) || r.Service.Name != "":
		return nil, invalid("service_id %q, name %q", r.ServiceId, r.Service.Name)
	case a.services[r.ServiceId] != nil:
		return nil, status.Errorf(codes.AlreadyExists, "Resource '%s' already exists.", r.ServiceId)
	}
	if err := valid(r.Service); err != nil {
		return nil, err
	}
	s := &service{Service: proto.CloneOf(r.Service), revisions: map[string]*revision{}}
	s.Name, s.CreateTime = a.location()+"/services/"+r.ServiceId, timestamppb.Now()
	s.Uri = "https://" + r.ServiceId + "-uc.a.run.app"
	a.services[r.ServiceId] = s
	op := a.deploy(s, fault)
	return a.answer(op), lost(fault)
}

// deploy begins to make a revision, and to send traffic where it is to go.
func (c *Cloud) deploy(s *service, fault Fault) *operation {
	s.Generation++
	s.Etag = fmt.Sprint("etag-", c.next())
	id := s.Name[strings.LastIndexByte(s.Name, '/')+1:]
	newest := s.revisions[last(s.LatestCreatedRevision)]
	if newest == nil || !proto.Equal(newest.template, s.Template) {
		newest = &revision{template: proto.CloneOf(s.Template)}
		name := fmt.Sprintf("%s-%05d-rev", id, c.next())
		s.revisions[name] = newest
		s.LatestCreatedRevision = s.Name + "/revisions/" + name
	}
	s.Reconciling, s.TerminalCondition = true, &runpb.Condition{Type: "Ready", State: runpb.Condition_CONDITION_RECONCILING, Message: "Deploying revision."}
	op := c.begin(c.options.Deploying, fault, func() *runpb.Service { return s.Service })
	op.effect = func() error {
		s.Reconciling, s.ObservedGeneration = false, s.Generation
		if why := c.starts(newest, fault); why != "" {
			s.TerminalCondition = &runpb.Condition{Type: "Ready", State: runpb.Condition_CONDITION_FAILED, Message: why}
			return status.Error(codes.FailedPrecondition, why)
		}
		newest.ready = true
		s.LatestReadyRevision = s.LatestCreatedRevision
		s.TerminalCondition = &runpb.Condition{Type: "Ready", State: runpb.Condition_CONDITION_SUCCEEDED}
		return nil
	}
	return op
}

// starts says why an instance of a revision does not start, if so. The instance stays.
func (c *Cloud) starts(r *revision, fault Fault) (why string) {
	if fault == HalfWay {
		return "Revision is not ready and cannot serve traffic. The user-provided container failed to start and listen on the port defined provided by the PORT=8080 environment variable within the allocated timeout."
	}
	if r.ready {
		return ""
	}
	handler, err := c.options.Container(r.template)
	if err != nil {
		return "Revision is not ready and cannot serve traffic. " + err.Error()
	}
	closeHandler(handler)
	return ""
}

// begin begins an operation.
func (c *Cloud) begin(takes time.Duration, fault Fault, about func() *runpb.Service) *operation {
	op := &operation{name: fmt.Sprintf("%s/operations/%d", c.location(), c.next()), about: about}
	if fault != Endless {
		op.ready = time.Now().Add(takes)
	}
	c.operations[op.name] = op
	return op
}

// answer is how an operation looks now.
func (c *Cloud) answer(op *operation) *longrunningpb.Operation {
	about, _ := anypb.New(op.about())
	answer := &longrunningpb.Operation{Name: op.name, Metadata: about, Done: op.done}
	switch {
	case op.err != nil:
		answer.Result = &longrunningpb.Operation_Error{Error: status.Convert(op.err).Proto()}
	case op.done:
		answer.Result = &longrunningpb.Operation_Response{Response: about}
	}
	return answer
}

func (a *runAPI) GetOperation(_ context.Context, r *longrunningpb.GetOperationRequest) (*longrunningpb.Operation, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.settle()
	fault := a.enter("run.operations.get")
	if err := general(fault, "run.operations.get"); err != nil {
		return nil, err
	}
	op := a.operations[r.Name]
	if op == nil {
		return nil, status.Errorf(codes.NotFound, "operation %q", r.Name)
	}
	return a.answer(op), lost(fault)
}

// find is a service by its full name. The cloud is locked.
func (c *Cloud) find(name string) (*service, error) {
	id, ok := strings.CutPrefix(name, c.location()+"/services/")
	if s := c.services[id]; ok && s != nil {
		return s, nil
	}
	return nil, status.Errorf(codes.NotFound, "Resource '%s' of kind 'SERVICE' does not exist.", name)
}

func (a *runAPI) GetService(_ context.Context, r *runpb.GetServiceRequest) (*runpb.Service, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.settle()
	fault := a.enter("run.services.get")
	if err := general(fault, "run.services.get"); err != nil {
		return nil, err
	}
	s, err := a.find(r.Name)
	if err != nil {
		return nil, err
	}
	return proto.CloneOf(s.Service), lost(fault)
}

func (a *runAPI) ListServices(_ context.Context, r *runpb.ListServicesRequest) (*runpb.ListServicesResponse, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.settle()
	fault := a.enter("run.services.list")
	if err := general(fault, "run.services.list"); err != nil {
		return nil, err
	}
	if r.Parent != a.location() {
		return nil, invalid("parent %q", r.Parent)
	}
	size := int(r.PageSize)
	if a.options.Page > 0 {
		size = a.options.Page
	}
	var names []string
	names, token := page(slices.Sorted(maps.Keys(a.services)), size, r.PageToken)
	answer := &runpb.ListServicesResponse{NextPageToken: token}
	for _, name := range names {
		answer.Services = append(answer.Services, proto.CloneOf(a.services[name].Service))
	}
	return answer, lost(fault)
}

func (a *runAPI) UpdateService(_ context.Context, r *runpb.UpdateServiceRequest) (*longrunningpb.Operation, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.settle()
	needs := permissions("update", r.Service)
	fault := a.enter(needs...)
	if err := general(fault, needs[0]); err != nil {
		return nil, err
	}
	s, err := a.find(r.Service.Name)
	if err != nil {
		return nil, err
	}
	if fault == Stale {
		s.Etag = fmt.Sprint("etag-", a.next())
	}
	if r.Service.Etag != "" && r.Service.Etag != s.Etag || s.Reconciling {
		return nil, status.Errorf(codes.Aborted, "Conflict for resource '%s': version '%s' was specified but current version is '%s'.", r.Service.Name, r.Service.Etag, s.Etag)
	}
	if err := valid(r.Service); err != nil {
		return nil, err
	}
	for _, target := range r.Service.Traffic {
		if target.Revision != "" && s.revisions[target.Revision] == nil {
			return nil, invalid("traffic to %q, which is no revision", target.Revision)
		}
	}
	s.Labels, s.Annotations, s.Scaling, s.Template, s.Traffic = r.Service.Labels, r.Service.Annotations, r.Service.Scaling, r.Service.Template, r.Service.Traffic
	return a.answer(a.deploy(s, fault)), lost(fault)
}

func (a *runAPI) DeleteService(_ context.Context, r *runpb.DeleteServiceRequest) (*longrunningpb.Operation, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.settle()
	fault := a.enter("run.services.delete")
	if err := general(fault, "run.services.delete"); err != nil {
		return nil, err
	}
	s, err := a.find(r.Name)
	if err != nil {
		return nil, err
	}
	s.DeleteTime, s.Reconciling = timestamppb.Now(), true
	op := a.begin(a.options.Deploying, fault, func() *runpb.Service { return s.Service })
	op.effect = func() error {
		delete(a.services, last(s.Name))
		for _, r := range s.revisions {
			for _, i := range r.idle {
				closeHandler(i.handler)
			}
		}
		return nil
	}
	return a.answer(op), lost(fault)
}

// Service is a service as the cloud has it, nil if there is none.
func (c *Cloud) Service(id string) *runpb.Service {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle()
	if s := c.services[id]; s != nil {
		return proto.CloneOf(s.Service)
	}
	return nil
}

func last(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }
