package fakeaws

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

func (c *Cloud) createFunction(x asked) (any, *refusal) {
	var want creation
	if refused := read(x.body, &want); refused != nil {
		return nil, refused
	}
	if refused := want.valid(); refused != nil {
		return nil, refused
	}
	if c.lambda.functions[want.FunctionName] != nil {
		return nil, &refusal{409, "ResourceConflictException", "Function already exist: " + want.FunctionName}
	}
	f := &function{
		creation: want, sha256: c.hash(want.Code), ready: time.Now().Add(c.options.Creating), aliases: map[string]string{}, tags: want.Tags,
		broken: x.fault == NotMade,
	}
	c.lambda.functions[want.FunctionName] = f
	return f.configuration(c.options.Region), nil
}

// listFunctions lists by name, and knows no tags.
func (c *Cloud) listFunctions(x asked) (any, *refusal) {
	size := 50
	if c.options.Page > 0 {
		size = c.options.Page
	}
	after := x.query("Marker")
	names := slices.DeleteFunc(c.lambda.names(), func(name string) bool { return name <= after })
	answer := map[string]any{}
	if len(names) > size {
		names = names[:size]
		answer["NextMarker"] = names[size-1]
	}
	list := []any{}
	for _, name := range names {
		list = append(list, c.lambda.functions[name].configuration(c.options.Region))
	}
	answer["Functions"] = list
	return answer, nil
}

func (c *Cloud) getConfiguration(x asked) (any, *refusal) {
	f, refused := c.named(x)
	if refused != nil {
		return nil, refused
	}
	if qualifier := x.query("Qualifier"); qualifier != "" {
		number, v := f.find(qualifier)
		if v == nil {
			return nil, &refusal{404, "ResourceNotFoundException", "Function not found: " + x.name + ":" + qualifier}
		}
		return f.describe(c.options.Region, number, v), nil
	}
	return f.configuration(c.options.Region), nil
}

func (c *Cloud) updateCode(x asked) (any, *refusal) {
	var want upload
	f, refused := c.changeable(x)
	if refused == nil {
		refused = read(x.body, &want)
	}
	if refused != nil {
		return nil, refused
	}
	if want.forms() != 1 || (f.creation.PackageType == "Image") != (want.ImageUri != "") {
		return nil, invalid("code of another form, or of two")
	}
	f.broken = x.fault == NotMade
	if !f.broken {
		f.sha256 = c.hash(want)
	}
	f.ready = time.Now().Add(c.options.Creating)
	return f.configuration(c.options.Region), nil
}

// unreserved is how many calls of the account must stay for functions without a reservation.
const unreserved = 100

// reserve is PutFunctionConcurrency.
func (c *Cloud) reserve(x asked) (any, *refusal) {
	var want struct{ ReservedConcurrentExecutions int }
	f, refused := c.named(x)
	if refused == nil {
		refused = read(x.body, &want)
	}
	if refused != nil {
		return nil, refused
	}
	if calls := c.options.Calls; calls > 0 && calls-c.lambda.reserved()+f.reserved-want.ReservedConcurrentExecutions < unreserved {
		return nil, invalid("Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [%d].", unreserved)
	}
	f.reserved = want.ReservedConcurrentExecutions
	return want, nil
}

// reserved is how many calls are set aside for some function.
func (l *lambda) reserved() (calls int) {
	for _, f := range l.functions {
		calls += f.reserved
	}
	return calls
}

// full tells whether a function may not be called once more.
func (c *Cloud) full(f *function) bool {
	if f.reserved > 0 {
		return f.running >= f.reserved
	}
	others := 0
	for _, g := range c.lambda.functions {
		if g.reserved == 0 {
			others += g.running
		}
	}
	return c.options.Calls > 0 && others >= c.options.Calls-c.lambda.reserved()
}

// publishVersion makes no new version of what has not changed.
func (c *Cloud) publishVersion(x asked) (any, *refusal) {
	f, refused := c.changeable(x)
	if refused != nil {
		return nil, refused
	}
	if n := len(f.versions); n == 0 || f.versions[n-1].sha256 != f.sha256 {
		f.versions = append(f.versions, &version{sha256: f.sha256, ready: time.Now().Add(c.options.Creating)})
	}
	return f.describe(c.options.Region, f.latest(), f.versions[len(f.versions)-1]), nil
}

// alias is one, in calls and answers.
type alias struct {
	Name            string `json:",omitempty"`
	FunctionVersion string
}

func (f *function) name(a alias) (any, *refusal) {
	n, err := strconv.Atoi(a.FunctionVersion)
	if err != nil || n < 1 || n > len(f.versions) {
		return nil, &refusal{404, "ResourceNotFoundException", "Function not found: version " + a.FunctionVersion}
	}
	f.aliases[a.Name] = a.FunctionVersion
	return a, nil
}

func (c *Cloud) createAlias(x asked) (any, *refusal) {
	var a alias
	f, refused := c.named(x)
	if refused == nil {
		refused = read(x.body, &a)
	}
	if refused != nil {
		return nil, refused
	}
	if _, there := f.aliases[a.Name]; there {
		return nil, &refusal{409, "ResourceConflictException", "Alias already exists: " + a.Name}
	}
	return f.name(a)
}

func (c *Cloud) getAlias(x asked) (any, *refusal) {
	f, refused := c.named(x)
	if refused != nil {
		return nil, refused
	}
	to, there := f.aliases[x.alias]
	if !there {
		return nil, &refusal{404, "ResourceNotFoundException", "Cannot find alias arn: " + x.alias}
	}
	return alias{x.alias, to}, nil
}

func (c *Cloud) updateAlias(x asked) (any, *refusal) {
	if _, refused := c.getAlias(x); refused != nil {
		return nil, refused
	}
	var a alias
	if refused := read(x.body, &a); refused != nil {
		return nil, refused
	}
	a.Name = x.alias
	return c.lambda.functions[x.name].name(a)
}

func (c *Cloud) listTags(x asked) (any, *refusal) {
	x.name = x.name[strings.LastIndex(x.name, ":")+1:]
	f, refused := c.named(x)
	if refused != nil {
		return nil, refused
	}
	return map[string]any{"Tags": f.tags}, nil
}

func (c *Cloud) deleteFunction(x asked) (any, *refusal) {
	f, refused := c.named(x)
	if refused != nil {
		return nil, refused
	}
	f.end()
	delete(c.lambda.functions, x.name)
	return nil, nil
}

// end ends the sandboxes of a function.
func (f *function) end() {
	for _, v := range f.versions {
		for _, i := range v.idle {
			i.end()
		}
		v.idle, v.gone = nil, true
	}
}
