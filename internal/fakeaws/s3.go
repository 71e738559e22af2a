package fakeaws

import (
	"crypto/md5"
	"encoding/xml"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// object answers a call of S3, by path: what is put is kept, read and deleted.
func (c *Cloud) object(w http.ResponseWriter, r *http.Request, body []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	action := map[string]string{"PUT": "s3:PutObject", "GET": "s3:GetObject", "HEAD": "s3:GetObject", "DELETE": "s3:DeleteObject"}[r.Method]
	c.calls[action]++
	fault := c.fault(action)
	refused := c.signed(r, "s3")
	if refused == nil {
		if refused = general(fault, action); refused != nil && fault == Denied {
			refused.code = "AccessDenied"
		}
	}
	name := strings.TrimPrefix(r.URL.Path, "/")
	bucket, key, _ := strings.Cut(name, "/")
	content, there := c.objects[name]
	switch {
	case refused != nil:
	case action == "" || key == "" || strings.Contains(r.Header.Get("Content-Encoding"), "aws-chunked"):
		refused = &refusal{501, "NotImplemented", "this fake does not know that"}
	case !slices.Contains(c.options.Buckets, bucket):
		refused = &refusal{404, "NoSuchBucket", "The specified bucket does not exist"}
	case (r.Method == http.MethodGet || r.Method == http.MethodHead) && !there:
		refused = &refusal{404, "NoSuchKey", "The specified key does not exist."}
	case r.Method == http.MethodPut:
		c.objects[name] = body
		w.Header().Set("ETag", fmt.Sprintf(`"%x"`, md5.Sum(body)))
	case r.Method == http.MethodDelete:
		delete(c.objects, name)
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("Last-Modified", c.now().UTC().Format(http.TimeFormat))
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		w.Write(content)
	}
	if fault == AnswerLost {
		panic(http.ErrAbortHandler)
	}
	if refused != nil {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(refused.status)
		if err := xml.NewEncoder(w).EncodeElement(struct{ Code, Message string }{refused.code, refused.message}, xml.StartElement{Name: xml.Name{Local: "Error"}}); err != nil {
			panic(err)
		}
	}
}

// Objects is the names of what S3 keeps, with their buckets.
func (c *Cloud) Objects() (names []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name := range c.objects {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Object is what S3 keeps under a name, with its bucket first; nil if there is nothing.
func (c *Cloud) Object(name string) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.objects[name]
}

// Put keeps an object, by bucket and key, or an image, by its URI.
func (c *Cloud) Put(name string, content []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.objects[name] = content
}
