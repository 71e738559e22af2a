package fakeaws

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"time"
)

// refusal is an answer that is an error of AWS.
type refusal struct {
	status        int
	code, message string
}

// credentials is the part of the header that names who signed for what.
var credentials = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=[^/]+/\d{8}/([^/]+)/([^/]+)/aws4_request, SignedHeaders=\S+, Signature=[0-9a-f]{64}$`)

// lambdaPath begins all paths of Lambda's API: others are of S3.
var lambdaPath = regexp.MustCompile(`^/20\d\d-\d\d-\d\d/`)

// ServeHTTP answers as AWS does.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	c.mu.Lock()
	w.Header().Set("Date", c.now().UTC().Format(http.TimeFormat))
	c.mu.Unlock()
	if r.URL.Path == "/" {
		c.query(w, r, body)
		return
	}
	if !lambdaPath.MatchString(r.URL.Path) {
		c.object(w, r, body)
		return
	}
	c.rest(w, r, body)
}

// signed checks who has signed, for what and when. It does not check the signature itself.
func (c *Cloud) signed(r *http.Request, service string) *refusal {
	m := credentials.FindStringSubmatch(r.Header.Get("Authorization"))
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	switch {
	case m == nil || err != nil:
		return &refusal{401, "AuthFailure", "AWS was not able to validate the provided access credentials"}
	case m[1] != c.options.Region:
		return &refusal{401, "AuthFailure", "Credential should be scoped to a valid region."}
	case m[2] != service:
		return &refusal{401, "AuthFailure", "Credential should be scoped to correct service: '" + service + "'."}
	case c.now().Sub(at).Abs() > 5*time.Minute && service == "lambda":
		return &refusal{403, "InvalidSignatureException", "Signature expired: " + r.Header.Get("X-Amz-Date") + " is too far from now"}
	case c.now().Sub(at).Abs() > 5*time.Minute: // not RequestExpired: see aws-sdk-java's issue 519
		return &refusal{401, "AuthFailure", "AWS was not able to validate the provided access credentials"}
	}
	return nil
}

// general is the refusals that any action may come to.
func general(f Fault, action string) *refusal {
	switch f {
	case Throttled:
		return &refusal{503, "RequestLimitExceeded", "Request limit exceeded."}
	case Denied:
		return &refusal{403, "UnauthorizedOperation", "You are not authorized to perform this operation. User: arn:aws:iam::123456789012:user/shop is not authorized to perform: " + action + " because no identity-based policy allows the " + action + " action."}
	case Unavailable:
		return &refusal{500, "InternalError", "An internal error has occurred"}
	}
	return nil
}

// Client makes calls without a network, so that time in a bubble of testing/synctest goes on.
type Client struct{ Cloud *Cloud }

// Do makes a call. Its error is that of a connection. What the cloud has begun goes on when the
// caller waits no more.
func (c Client) Do(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	answered := make(chan *http.Response, 1)
	go func() { answered <- c.serve(r) }()
	select {
	case answer := <-answered:
		if answer == nil {
			return nil, errors.New("read: connection reset by peer")
		}
		return answer, nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

// serve is the answer to a call, nil if the connection breaks.
func (c Client) serve(r *http.Request) (answer *http.Response) {
	defer func() {
		if what := recover(); what != nil && what != http.ErrAbortHandler {
			panic(what)
		}
	}()
	w := httptest.NewRecorder()
	c.Cloud.ServeHTTP(w, r)
	return w.Result()
}

// like tells whether a text fits a pattern with the wildcards * and ?, unless they come after a
// backslash.
func like(pattern, text string) bool {
	var re strings.Builder
	re.WriteString("(?s)^")
	for i := 0; i < len(pattern); i++ {
		switch {
		case pattern[i] == '*':
			re.WriteString(".*")
		case pattern[i] == '?':
			re.WriteString(".")
		case pattern[i] == '\\' && i+1 < len(pattern):
			i++
			fallthrough
		default:
			re.WriteString(regexp.QuoteMeta(pattern[i : i+1]))
		}
	}
	return regexp.MustCompile(re.String() + "$").MatchString(text)
}
