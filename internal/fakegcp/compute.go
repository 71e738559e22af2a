package fakegcp

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"cloud.google.com/go/compute/apiv1/computepb"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// vm is one that was made. It is the cloud's for ever, for its bill.
type vm struct {
	*computepb.Instance
	zone, sold string
	made       time.Time
	ended      time.Time // when it is billed no more; zero if it is
	deleted    bool
	stop       context.CancelFunc // of what it runs; nil if it runs nothing
	noticed    chan struct{}      // closed when it is told that it will be taken back
}

func (v *vm) id() string { return v.zone + "/" + v.GetName() }

// insertion is a request for a VM and what came of it.
type insertion struct {
	request string
	op      *computepb.Operation
	asked   time.Time
	ready   time.Time // when it is done; zero if never
}

// answered is what a call comes to.
type answered struct {
	message proto.Message
	status  int    // of an error
	reason  string // of it
	text    string
}

func refuse(status int, reason, format string, args ...any) answered {
	return answered{nil, status, reason, fmt.Sprintf(format, args...)}
}

// generally is what any call may come to, before it does anything.
func generally(f Fault, permission string) (answered, bool) {
	switch f {
	case Throttled:
		return refuse(http.StatusForbidden, "rateLimitExceeded", "Rate Limit Exceeded"), true
	case Denied:
		return refuse(http.StatusForbidden, "forbidden", "Required '%s' permission for 'projects/shop'", permission), true
	case Exceeded:
		return refuse(http.StatusForbidden, "quotaExceeded", "Quota 'CPUS' exceeded. Limit: 24.0 in region us-central1."), true
	case Unavailable:
		return refuse(http.StatusServiceUnavailable, "backendError", "Backend Error"), true
	}
	return answered{}, false
}

var restPath = regexp.MustCompile(`^/compute/v1/projects/([^/]+)/(aggregated|zones/([^/]+))/(instances|operations)(?:/([^/]+))?$`)

// rest is Compute Engine's API.
func (c *Cloud) rest(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	m := restPath.FindStringSubmatch(r.URL.Path)
	if m == nil || m[1] != c.options.Project || m[3] != "" && !slices.Contains(c.options.Zones, m[3]) {
		refuse(http.StatusNotFound, "notFound", "%s %s", r.Method, r.URL.Path).write(w)
		return
	}
	var a answered
	var fault Fault
	switch zone, name := m[3], m[5]; r.Method + " " + m[4] {
	case "POST instances":
		a, fault = c.insert(zone, r.URL.Query().Get("requestId"), body)
	case "DELETE instances":
		a, fault = c.delete(zone, name)
	case "GET operations":
		a, fault = c.operation(name)
	case "GET instances":
		if zone != "" {
			a, fault = c.get(zone, name)
		} else {
			a, fault = c.list(r.URL.Query().Get("filter"), r.URL.Query().Get("pageToken"), r.URL.Query().Get("maxResults"))
		}
	}
	if fault == AnswerLost {
		panic(http.ErrAbortHandler)
	}
	a.write(w)
}

func (a answered) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	if a.status != 0 {
		w.WriteHeader(a.status)
		fmt.Fprintf(w, `{"error":{"code":%d,"message":%q,"errors":[{"message":%q,"domain":"global","reason":%q}]}}`, a.status, a.text, a.text, a.reason)
		return
	}
	b, err := protojson.Marshal(a.message)
	if err != nil {
		panic(err) // our own message
	}
	w.Write(b)
}

// needs is the permissions of an insertion, by what it has.
func needs(i *computepb.Instance) []string {
	all := []string{"compute.instances.create", "compute.disks.create", "compute.images.useReadOnly", "compute.subnetworks.use"}
	for permission, needed := range map[string]bool{
		"compute.instances.setLabels": len(i.Labels) > 0, "compute.instances.setMetadata": len(i.GetMetadata().GetItems()) > 0,
		"compute.instances.setTags": len(i.GetTags().GetItems()) > 0, "compute.instances.setServiceAccount": len(i.ServiceAccounts) > 0,
		"iam.serviceAccounts.actAs": len(i.ServiceAccounts) > 0, "compute.disks.setLabels": len(i.Disks[0].GetInitializeParams().GetLabels()) > 0,
	} {
		if needed {
			all = append(all, permission)
		}
	}
	return all
}

var vmName = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)

// check says what is wrong with an insertion, if anything is.
func (c *Cloud) check(zone string, i *computepb.Instance) (wrong string) {
	kind := strings.TrimPrefix(i.GetMachineType(), "zones/"+zone+"/machineTypes/")
	if i.GetScheduling().GetProvisioningModel() == "SPOT" {
		kind += " spot"
	}
	disk := i.Disks[0].GetInitializeParams()
	size := 0
	for _, item := range i.GetMetadata().GetItems() {
		size += len(item.GetValue())
	}
	switch {
	case !vmName.MatchString(i.GetName()):
		return "name " + i.GetName()
	case c.options.Types[kind] == 0:
		return "machine type " + i.GetMachineType()
	case !slices.Contains(c.options.Images, disk.GetSourceImage()):
		return "image " + disk.GetSourceImage()
	case len(i.NetworkInterfaces) != 1 || i.NetworkInterfaces[0].GetNetwork() == "" && i.NetworkInterfaces[0].GetSubnetwork() == "":
		return "network interfaces"
	case size > 512<<10:
		return "metadata"
	case strings.HasPrefix(kind, "g2-") && i.GetScheduling().GetOnHostMaintenance() != "TERMINATE":
		return "instances with guest accelerators do not support live migration"
	}
	for _, labels := range []map[string]string{i.Labels, disk.GetLabels()} {
		for key, value := range labels {
			if !labelText.MatchString(key) || !labelText.MatchString(value) {
				return "label " + key + ": " + value
			}
		}
	}
	return ""
}

func (c *Cloud) insert(zone, request string, body []byte) (answered, Fault) {
	var i computepb.Instance
	if err := protojson.Unmarshal(body, &i); err != nil || len(i.Disks) != 1 {
		return refuse(http.StatusBadRequest, "invalid", "%v", err), ""
	}
	permissions := needs(&i)
	fault := c.enter(permissions...)
	if a, ok := generally(fault, permissions[0]); ok {
		return a, ""
	}
	if wrong := c.check(zone, &i); wrong != "" {
		return refuse(http.StatusBadRequest, "invalid", "Invalid value for field 'resource': %s", wrong), ""
	}
	if old := c.insertions[request]; request != "" && old != nil && time.Since(old.asked) < time.Hour {
		if old.request != zone+string(body) {
			return refuse(http.StatusBadRequest, "invalid", "requestId %s was used for another request", request), ""
		}
		return answered{message: c.look(old)}, fault
	}
	if slices.ContainsFunc(c.vms, func(v *vm) bool { return !v.deleted && v.zone == zone && v.GetName() == i.GetName() }) {
		return refuse(http.StatusConflict, "alreadyExists", "The resource '%s' already exists", i.GetName()), ""
	}
	x := &insertion{request: zone + string(body), asked: time.Now(), op: &computepb.Operation{
		Name: proto.String(fmt.Sprint("operation-", c.next())), Zone: proto.String("zones/" + zone), Status: computepb.Operation_RUNNING.Enum(), Progress: proto.Int32(0),
	}}
	if fault != Endless {
		x.ready = time.Now().Add(c.options.Booting)
	}
	c.insertions[request], c.doings[x.op.GetName()] = x, x
	c.make(zone, &i, x, fault)
	return answered{message: c.look(x)}, fault
}

// make makes a VM, or decides what the operation will say.
func (c *Cloud) make(zone string, i *computepb.Instance, x *insertion, fault Fault) {
	kind := last(i.GetMachineType())
	room, limited := c.room[kind+" "+zone]
	switch {
	case fault == NoCapacity, limited && room <= 0:
		x.fail(http.StatusServiceUnavailable, "ZONE_RESOURCE_POOL_EXHAUSTED", "The zone '"+zone+"' does not have enough resources available to fulfill the request. Try a different zone, or try again later.")
		return
	case fault == OverQuota:
		x.fail(http.StatusForbidden, "QUOTA_EXCEEDED", "Quota 'CPUS' exceeded. Limit: 24.0 in region us-central1.")
		return
	case fault == HalfWay:
		x.fail(http.StatusInternalServerError, "INTERNAL_ERROR", "Internal error. Please try again or contact Google Support.")
		return
	}
	if limited {
		c.room[kind+" "+zone]--
	}
	sold := kind
	if i.GetScheduling().GetProvisioningModel() == "SPOT" {
		sold += " spot"
	}
	n := len(c.vms)
	made := &vm{Instance: i, zone: zone, sold: sold, made: time.Now(), noticed: make(chan struct{})}
	i.Id, i.Status, i.Zone = proto.Uint64(uint64(n+1)), proto.String("RUNNING"), proto.String("https://www.googleapis.com/compute/v1/projects/"+c.options.Project+"/zones/"+zone)
	i.CreationTimestamp = proto.String(made.made.Format("2006-01-02T15:04:05.000-07:00"))
	if !c.options.Silent {
		i.NetworkInterfaces[0].NetworkIP = proto.String(fmt.Sprintf("%s.%d.%d", c.options.Network, n/200, 2+n%200))
	}
	c.vms = append(c.vms, made)
	c.boot(made)
}

// fail decides that an operation fails, when it is done.
func (x *insertion) fail(status int, code, text string) {
	x.op.HttpErrorStatusCode, x.op.HttpErrorMessage = proto.Int32(int32(status)), proto.String(http.StatusText(status))
	x.op.Error = &computepb.Error{Errors: []*computepb.Errors{{Code: proto.String(code), Message: proto.String(text)}}}
}

// look is how an operation looks now.
func (c *Cloud) look(x *insertion) *computepb.Operation {
	if !x.ready.IsZero() && !time.Now().Before(x.ready) {
		x.op.Status, x.op.Progress = computepb.Operation_DONE.Enum(), proto.Int32(100)
	}
	op := proto.CloneOf(x.op)
	if op.GetStatus() != computepb.Operation_DONE { // nothing is known of it yet
		op.Error, op.HttpErrorStatusCode, op.HttpErrorMessage = nil, nil, nil
	}
	return op
}

func (c *Cloud) operation(name string) (answered, Fault) {
	fault := c.enter("compute.zoneOperations.get")
	if a, ok := generally(fault, "compute.zoneOperations.get"); ok {
		return a, ""
	}
	if x := c.doings[name]; x != nil {
		return answered{message: c.look(x)}, fault
	}
	return refuse(http.StatusNotFound, "notFound", "operation %s", name), ""
}

// there is a VM that has not been deleted. The cloud is locked.
func (c *Cloud) there(zone, name string) *vm {
	for _, v := range c.vms {
		if v.zone == zone && v.GetName() == name && !v.deleted {
			return v
		}
	}
	return nil
}

func (c *Cloud) get(zone, name string) (answered, Fault) {
	fault := c.enter("compute.instances.get")
	if a, ok := generally(fault, "compute.instances.get"); ok {
		return a, ""
	}
	if v := c.there(zone, name); v != nil {
		return answered{message: v.Instance}, fault
	}
	return refuse(http.StatusNotFound, "notFound", "The resource 'zones/%s/instances/%s' was not found", zone, name), ""
}

func (c *Cloud) delete(zone, name string) (answered, Fault) {
	fault := c.enter("compute.instances.delete")
	if a, ok := generally(fault, "compute.instances.delete"); ok {
		return a, ""
	}
	v := c.there(zone, name)
	if v == nil {
		return refuse(http.StatusNotFound, "notFound", "The resource 'zones/%s/instances/%s' was not found", zone, name), ""
	}
	x := &insertion{ready: time.Now(), op: &computepb.Operation{Name: proto.String(fmt.Sprint("operation-", c.next())), Zone: proto.String("zones/" + zone), Status: computepb.Operation_RUNNING.Enum()}}
	c.doings[x.op.GetName()] = x
	if fault == HalfWay {
		x.fail(http.StatusInternalServerError, "INTERNAL_ERROR", "Internal error. Please try again or contact Google Support.")
		x.ready = time.Now().Add(c.options.Booting)
	} else {
		v.end(true)
	}
	return answered{message: c.look(x)}, fault
}

func (v *vm) end(deleted bool) {
	if v.ended.IsZero() {
		v.ended = time.Now()
	}
	v.deleted = v.deleted || deleted
	if v.stop != nil {
		v.stop()
	}
	v.Status = proto.String("TERMINATED")
}

var labelFilter = regexp.MustCompile(`^labels\.([a-z0-9-]+) = "([^"]*)"$`)

// list is a page of the VMs of all zones that have a label, as they were a while ago.
func (c *Cloud) list(filter, token, most string) (answered, Fault) {
	fault := c.enter("compute.instances.list")
	if a, ok := generally(fault, "compute.instances.list"); ok {
		return a, ""
	}
	m := labelFilter.FindStringSubmatch(filter)
	if m == nil {
		return refuse(http.StatusBadRequest, "invalid", "Invalid value for field 'filter': '%s'", filter), ""
	}
	size, _ := strconv.Atoi(most)
	if c.options.Page > 0 {
		size = c.options.Page
	}
	found := map[string]*vm{}
	then := time.Now().Add(-c.options.Lag)
	for _, v := range c.vms {
		if v.Labels[m[1]] == m[2] && !v.made.After(then) && (!v.deleted || v.ended.After(then)) {
			found[v.id()+fmt.Sprint(v.made.UnixNano())] = v
		}
	}
	names, next := page(slices.Sorted(maps.Keys(found)), size, token)
	answer := &computepb.InstanceAggregatedList{Items: map[string]*computepb.InstancesScopedList{}}
	if next != "" {
		answer.NextPageToken = proto.String(next)
	}
	for _, z := range c.options.Zones {
		answer.Items["zones/"+z] = &computepb.InstancesScopedList{Warning: &computepb.Warning{Code: proto.String("NO_RESULTS_ON_PAGE")}}
	}
	for _, name := range names {
		v := found[name]
		scope := answer.Items["zones/"+v.zone]
		scope.Warning, scope.Instances = nil, append(scope.Instances, v.Instance)
	}
	if fault == ZoneDown {
		answer.Items["zones/"+c.options.Zones[0]] = &computepb.InstancesScopedList{Warning: &computepb.Warning{Code: proto.String("UNREACHABLE"), Message: proto.String("The zone is unreachable.")}}
	}
	return answered{message: answer}, fault
}

// Room says how many more VMs of a type there may be in a zone; a negative number is no limit.
func (c *Cloud) Room(machineType, zone string, vms int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if vms < 0 {
		delete(c.room, machineType+" "+zone)
		return
	}
	c.room[machineType+" "+zone] = vms
}

// Running is the IDs of the VMs that are billed.
func (c *Cloud) Running() (ids []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, v := range c.vms {
		if v.ended.IsZero() {
			ids = append(ids, v.id())
		}
	}
	return ids
}

// Launched counts the VMs that have ever been made.
func (c *Cloud) Launched() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.vms)
}

// Instance is a VM as it is or was, nil if there never was one.
func (c *Cloud) Instance(id string) *computepb.Instance {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, v := range c.vms {
		if v.id() == id {
			return proto.CloneOf(v.Instance)
		}
	}
	return nil
}

// Reclaim ends a VM as Google does that takes one back: it deletes it if that was asked for.
func (c *Cloud) Reclaim(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, v := range c.vms {
		if v.id() == id {
			v.end(v.GetScheduling().GetInstanceTerminationAction() == "DELETE")
		}
	}
}

// ShutDown ends a VM as its own system does: its disk stays.
func (c *Cloud) ShutDown(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, v := range c.vms {
		if v.id() == id {
			v.end(false)
		}
	}
}

// VMDollars is the bill of all VMs: whole seconds, at least a minute each, without their disks.
func (c *Cloud) VMDollars() (dollars float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, v := range c.vms {
		until := v.ended
		if until.IsZero() {
			until = time.Now()
		}
		seconds := max(60, int64((until.Sub(v.made)+time.Second-1)/time.Second))
		dollars += c.options.Types[v.sold] * float64(seconds) / 3600
	}
	return dollars
}
