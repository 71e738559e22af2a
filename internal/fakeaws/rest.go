package fakeaws

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// route is one of Lambda's calls.
type route struct {
	action string // as policies name it
	method string
	path   *regexp.Regexp
	status int
	do     func(c *Cloud, x asked) (any, *refusal)
}

// asked is a call of Lambda.
type asked struct {
	name, alias string // from its path
	query       func(string) string
	body        []byte
	fault       Fault
}

func at(path string) *regexp.Regexp {
	return regexp.MustCompile("^" + strings.NewReplacer("NAME", "([^/]+)", "ALIAS", "([^/]+)").Replace(path) + "$")
}

const functionsPath = "/2015-03-31/functions"

var routes = []route{
	{"lambda:CreateFunction", "POST", at(functionsPath), 201, (*Cloud).createFunction},
	{"lambda:ListFunctions", "GET", at(functionsPath + "/?"), 200, (*Cloud).listFunctions},
	{"lambda:GetFunctionConfiguration", "GET", at(functionsPath + "/NAME/configuration"), 200, (*Cloud).getConfiguration},
	{"lambda:UpdateFunctionCode", "PUT", at(functionsPath + "/NAME/code"), 200, (*Cloud).updateCode},
	{"lambda:PutFunctionConcurrency", "PUT", at("/2017-10-31/functions/NAME/concurrency"), 200, (*Cloud).reserve},
	{"lambda:PublishVersion", "POST", at(functionsPath + "/NAME/versions"), 201, (*Cloud).publishVersion},
	{"lambda:CreateAlias", "POST", at(functionsPath + "/NAME/aliases"), 201, (*Cloud).createAlias},
	{"lambda:GetAlias", "GET", at(functionsPath + "/NAME/aliases/ALIAS"), 200, (*Cloud).getAlias},
	{"lambda:UpdateAlias", "PUT", at(functionsPath + "/NAME/aliases/ALIAS"), 200, (*Cloud).updateAlias},
	{"lambda:ListTags", "GET", at("/2017-03-31/tags/NAME"), 200, (*Cloud).listTags},
	{"lambda:DeleteFunction", "DELETE", at(functionsPath + "/NAME"), 204, (*Cloud).deleteFunction},
}

var invocations = at(functionsPath + "/NAME/invocations")

// rest answers a call of Lambda's API.
func (c *Cloud) rest(w http.ResponseWriter, r *http.Request, body []byte) {
	if m := invocations.FindStringSubmatch(r.URL.Path); m != nil && r.Method == http.MethodPost {
		c.invoke(w, r, m[1], body)
		return
	}
	for _, route := range routes {
		m := route.path.FindStringSubmatch(r.URL.Path)
		if m == nil || r.Method != route.method {
			continue
		}
		x := asked{query: r.URL.Query().Get, body: body}
		if len(m) > 1 {
			x.name = m[1]
		}
		if len(m) > 2 {
			x.alias = m[2]
		}
		c.answer(w, r, route, x)
		return
	}
	refuse(w, refusal{404, "UnknownOperationException", r.Method + " " + r.URL.Path})
}

func (c *Cloud) answer(w http.ResponseWriter, r *http.Request, route route, x asked) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fault, refused := c.enter(r, route.action)
	x.fault = fault
	var answer any
	if refused == nil {
		answer, refused = route.do(c, x)
	}
	if fault == AnswerLost {
		panic(http.ErrAbortHandler)
	}
	if refused != nil {
		refuse(w, *refused)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(route.status)
	if route.status != http.StatusNoContent {
		write(w, answer)
	}
}

// enter counts a call, and says what is wrong with it. The cloud is locked.
func (c *Cloud) enter(r *http.Request, action string) (Fault, *refusal) {
	c.calls[action]++
	fault := c.fault(action)
	refused := c.signed(r, "lambda")
	switch {
	case refused != nil:
		if refused.code == "AuthFailure" {
			refused.code = "UnrecognizedClientException"
		}
	case fault == NoImage:
		refused = invalid("Source image 123456789012.dkr.ecr.us-east-1.amazonaws.com/worker:1 does not exist. Provide a valid source image.")
	case fault == Busy:
		refused = &refusal{409, "ResourceConflictException", "The operation cannot be performed at this time. An update is in progress."}
	case fault == Throttled:
		refused = &refusal{429, "TooManyRequestsException", "Rate exceeded"}
	case fault == Unavailable:
		refused = &refusal{500, "ServiceException", "An error occurred and the request cannot be processed."}
	default:
		if refused = general(fault, action); refused != nil {
			refused.code = "AccessDeniedException"
		}
	}
	return fault, refused
}

// refuse writes an error as Lambda does.
func refuse(w http.ResponseWriter, r refusal) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-ErrorType", r.code)
	w.WriteHeader(r.status)
	write(w, map[string]string{"Type": "User", "message": r.message, "Message": r.message})
}

func write(w http.ResponseWriter, answer any) {
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		panic(err)
	}
}

// read reads a body, and refuses what it does not know.
func read(body []byte, into any) *refusal {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return &refusal{400, "InvalidRequestContentException", err.Error()}
	}
	return nil
}

// named is the function of a call.
func (c *Cloud) named(x asked) (*function, *refusal) {
	if f := c.lambda.functions[x.name]; f != nil {
		return f, nil
	}
	return nil, &refusal{404, "ResourceNotFoundException", "Function not found: " + arn(c.options.Region, x.name)}
}

// changeable is the function of a call that changes it.
func (c *Cloud) changeable(x asked) (*function, *refusal) {
	f, refused := c.named(x)
	switch {
	case refused != nil:
	case time.Now().Before(f.ready):
		refused = &refusal{409, "ResourceConflictException", "The operation cannot be performed at this time. An update is in progress for resource: " + x.name}
	case f.state() == "Failed":
		refused = &refusal{409, "ResourceConflictException", "The operation cannot be performed at this time. The function is currently in the following state: Failed"}
	}
	return f, refused
}
