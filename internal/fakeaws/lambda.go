package fakeaws

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// lambda is the functions that there are.
type lambda struct {
	functions map[string]*function // by name
	dollars   float64
}

// function is one that there is. Its versions are counted from 1.
type function struct {
	creation creation
	sha256   string
	ready    time.Time // when it can be called, or changed again
	versions []*version
	aliases  map[string]string // version by name
	tags     map[string]string
	reserved int  // calls at once, that are its own; 0 if none are
	broken   bool // what was asked for last cannot be made
	running  int  // calls
}

// version is published code, and the sandboxes of it that are idle.
type version struct {
	sha256  string
	ready   time.Time // when it can be called
	idle    []sandbox
	started int  // sandboxes, ever
	gone    bool // with its function
}

// creation is what CreateFunction is asked for.
type creation struct {
	FunctionName, Role, PackageType, Runtime, Handler string
	Architectures                                     []string
	MemorySize, Timeout                               int
	Code                                              upload
	Environment                                       struct{ Variables map[string]string }
	Tags                                              map[string]string
}

type upload struct {
	ZipFile                          []byte
	S3Bucket, S3Key, S3ObjectVersion string
	ImageUri                         string
	Architectures                    []string // of UpdateFunctionCode
}

// forms is how many of the three forms of code are given.
func (u upload) forms() (n int) {
	for _, given := range []bool{u.ZipFile != nil, u.S3Bucket != "" && u.S3Key != "", u.ImageUri != ""} {
		if given {
			n++
		}
	}
	return n
}

var (
	functionName = regexp.MustCompile(`^[a-zA-Z0-9-_]{1,64}$`)
	roleARN      = regexp.MustCompile(`^arn:aws:iam::\d{12}:role/\S+$`)
	tagText      = regexp.MustCompile(`^[a-zA-Z0-9 +=._:/@-]*$`)
)

func invalid(format string, args ...any) *refusal {
	return &refusal{400, "InvalidParameterValueException", fmt.Sprintf(format, args...)}
}

// valid checks what is asked for.
func (x creation) valid() *refusal {
	environment := 0
	for name, value := range x.Environment.Variables {
		environment += len(name) + len(value)
	}
	for key, value := range x.Tags {
		if len(key) > 128 || len(value) > 256 || !tagText.MatchString(key+value) {
			return invalid("tag %q: %q", key, value)
		}
	}
	image := x.PackageType == "Image"
	switch {
	case !functionName.MatchString(x.FunctionName):
		return invalid("function name %q", x.FunctionName)
	case !roleARN.MatchString(x.Role):
		return invalid("role %q", x.Role)
	case x.MemorySize < 128 || x.MemorySize > 10240:
		return invalid("a memory size of %d", x.MemorySize)
	case x.Timeout < 1 || x.Timeout > 900:
		return invalid("a timeout of %d", x.Timeout)
	case environment > 4<<10:
		return invalid("an environment of %d bytes", environment)
	case len(x.Tags) > 50:
		return invalid("%d tags", len(x.Tags))
	case len(x.Architectures) != 1 || x.Architectures[0] != "arm64" && x.Architectures[0] != "x86_64":
		return invalid("architectures %v", x.Architectures)
	case x.Code.forms() != 1 || image != (x.Code.ImageUri != ""):
		return invalid("code of another form, or of two")
	case image != (x.Runtime == "") || image != (x.Handler == ""):
		return invalid("images have no runtime and handler, and zip files have both")
	}
	return nil
}

// hash is that of code: of a zip file its own, else of what is there under its name now.
func (c *Cloud) hash(u upload) string {
	text := u.ZipFile
	if text == nil {
		text = fmt.Appendf(nil, "%s %s %s %s %s", u.S3Bucket, u.S3Key, u.S3ObjectVersion, u.ImageUri, c.objects[cmp.Or(u.ImageUri, u.S3Bucket+"/"+u.S3Key)])
	}
	sum := sha256.Sum256(text)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// FunctionDollars is the bill of all calls that have ended.
func (c *Cloud) FunctionDollars() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lambda.dollars
}

// Variables is the environment of a function.
func (c *Cloud) Variables(name string) map[string]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.lambda.functions[name]; f != nil {
		return maps.Clone(f.creation.Environment.Variables)
	}
	return nil
}

// Live is the number of the version that an alias named live names; empty if there is none.
func (c *Cloud) Live(name string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.lambda.functions[name]; f != nil {
		return f.aliases["live"]
	}
	return ""
}

// Started counts the sandboxes that calls have had to wait for, by the number of the version.
func (c *Cloud) Started(name string) map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	started := map[string]int{}
	if f := c.lambda.functions[name]; f != nil {
		for i, v := range f.versions {
			started[strconv.Itoa(i+1)] = v.started
		}
	}
	return started
}

// describe is how Lambda describes a version of a function.
func (f *function) describe(region, number string, v *version) map[string]any {
	answer := f.configuration(region)
	answer["Version"], answer["CodeSha256"], answer["State"], answer["LastUpdateStatus"], answer["LastUpdateStatusReason"] = number, v.sha256, "Active", "Successful", ""
	if time.Now().Before(v.ready) {
		answer["State"] = "Pending"
	}
	return answer
}

// configuration is how Lambda describes a function.
func (f *function) configuration(region string) map[string]any {
	x, update, why := f.creation, "Successful", ""
	switch {
	case time.Now().Before(f.ready):
		update = "InProgress"
	case f.broken:
		update, why = "Failed", "The code cannot be read."
	}
	return map[string]any{
		"FunctionName": x.FunctionName, "FunctionArn": arn(region, x.FunctionName), "Role": x.Role, "MemorySize": x.MemorySize, "Timeout": x.Timeout,
		"CodeSha256": f.sha256, "State": f.state(), "LastUpdateStatus": update, "LastUpdateStatusReason": why, "Version": "$LATEST", "PackageType": x.PackageType,
	}
}

// state is that of a function: one that was never made is never called.
func (f *function) state() string {
	switch {
	case len(f.versions) > 0:
		return "Active"
	case time.Now().Before(f.ready):
		return "Pending"
	case f.broken:
		return "Failed"
	}
	return "Active"
}

func arn(region, name string) string {
	return "arn:aws:lambda:" + region + ":123456789012:function:" + name
}

// latest is the number of the version that was published last, 0 if there is none.
func (f *function) latest() string { return strconv.Itoa(len(f.versions)) }

// find is the version that a qualifier names, by itself or as an alias; nil if there is none.
func (f *function) find(qualifier string) (number string, v *version) {
	if to, ok := f.aliases[qualifier]; ok {
		qualifier = to
	}
	n, err := strconv.Atoi(qualifier)
	if err != nil || n < 1 || n > len(f.versions) {
		return "", nil
	}
	return qualifier, f.versions[n-1]
}

// names is all functions, in the order of their names.
func (l *lambda) names() []string { return slices.Sorted(maps.Keys(l.functions)) }

// Functions counts the functions that there are.
func (c *Cloud) Functions() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.lambda.functions)
}
