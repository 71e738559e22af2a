package fakeaws

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// apiVersion is that of the EC2 API.
const apiVersion = "2016-11-15"

// action is one of EC2, and what its parameters may be named.
type action struct {
	parameters *regexp.Regexp
	do         func(*Cloud, parameters, Fault) (any, *refusal)
}

var actions = map[string]action{
	"RunInstances":       {known(runParameters), (*Cloud).run},
	"DescribeInstances":  {known(describeParameters), (*Cloud).describe},
	"TerminateInstances": {known(`InstanceId\.\d+`), (*Cloud).terminate},
}

func known(names string) *regexp.Regexp {
	return regexp.MustCompile(`^(Action|Version|` + names + `)$`)
}

// query answers a call of EC2's Query API.
func (c *Cloud) query(w http.ResponseWriter, r *http.Request, body []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	form, err := url.ParseQuery(string(body))
	name := form.Get("Action")
	c.calls["ec2:"+name]++
	fault := c.fault("ec2:" + name)
	a, ok := actions[name]
	refused := c.signed(r, "ec2")
	switch {
	case err != nil || r.Method != http.MethodPost || r.URL.Path != "/" || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded"):
		refused = &refusal{400, "MalformedQueryString", "The query string is malformed."}
	case !ok || form.Get("Version") != apiVersion:
		refused = &refusal{400, "InvalidAction", "The action " + name + " is not valid for this web service."}
	case refused == nil:
		refused = general(fault, "ec2:"+name)
	}
	var answer any
	if refused == nil {
		refused = unknown(form, a.parameters)
	}
	if refused == nil {
		answer, refused = a.do(c, parameters{form}, fault)
	}
	if fault == AnswerLost {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "text/xml;charset=UTF-8")
	if refused != nil {
		w.WriteHeader(refused.status)
		fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Response><Errors><Error><Code>%s</Code><Message>%s</Message></Error></Errors><RequestID>r</RequestID></Response>`,
			refused.code, escaped(refused.message))
		return
	}
	root := xml.StartElement{
		Name: xml.Name{Local: name + "Response"},
		Attr: []xml.Attr{{Name: xml.Name{Local: "xmlns"}, Value: "http://ec2.amazonaws.com/doc/" + apiVersion + "/"}},
	}
	if err := xml.NewEncoder(w).EncodeElement(answer, root); err != nil {
		panic(err)
	}
}

func escaped(text string) string {
	var b strings.Builder
	if err := xml.EscapeText(&b, []byte(text)); err != nil {
		panic(err)
	}
	return b.String()
}

func unknown(form url.Values, names *regexp.Regexp) *refusal {
	for name, values := range form {
		if !names.MatchString(name) || len(values) != 1 {
			return &refusal{400, "UnknownParameter", "The parameter " + name + " is not recognized"}
		}
	}
	return nil
}

// parameters are those of one call.
type parameters struct{ url.Values }

// list is the values of the parameters prefix.1, prefix.2 and so on, with a suffix.
func (p parameters) list(prefix, suffix string) (values []string) {
	for i := 1; p.Has(fmt.Sprint(prefix, ".", i, suffix)); i++ {
		values = append(values, p.Get(fmt.Sprint(prefix, ".", i, suffix)))
	}
	return values
}

// number is a parameter within bounds.
func (p parameters) number(name string, least, most int) (int, *refusal) {
	n, err := strconv.Atoi(p.Get(name))
	if err != nil || n < least || n > most {
		return 0, &refusal{400, "InvalidParameterValue", fmt.Sprintf("Value (%s) for parameter %s is invalid.", p.Get(name), name)}
	}
	return n, nil
}

// tags is those of a list of tag specifications, for a type of resource.
func (p parameters) tags(resource string) (map[string]string, *refusal) {
	tags := map[string]string{}
	kinds := p.list("TagSpecification", ".ResourceType")
	i := slices.Index(kinds, resource)
	if i < 0 {
		return tags, nil
	}
	prefix := fmt.Sprintf("TagSpecification.%d.Tag", i+1)
	keys, values := p.list(prefix, ".Key"), p.list(prefix, ".Value")
	if len(keys) != len(values) || len(keys) > 50 {
		return nil, &refusal{400, "InvalidParameterValue", "Tags need a key and a value each, and there may be 50 of them."}
	}
	for i, key := range keys {
		_, twice := tags[key]
		if key == "" || twice || len(key) > 128 || strings.HasPrefix(key, "aws:") || len([]rune(values[i])) > 256 {
			return nil, &refusal{400, "InvalidParameterValue", "Tag '" + key + "' is not valid."}
		}
		tags[key] = values[i]
	}
	return tags, nil
}
