package aws

import (
	"bytes"
	"io"
	"net/http"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// once has the SDK call a function no second time: the first may have run, and is billed. Only a
// signature that is refused has run nothing, as when the clock is off: the SDK knows by how much then.
//
// The SDK closes a request's body when the head of the answer is there. If the connection's writer
// is behind then, it takes that for an error and closes the connection in the middle of the answer.
// The SDK only hides that by calling again: in about one of a hundred calls of 100 KB, by the
// benchmark of Invoke. See aws-sdk-go-v2's issue 2737. So the body that is sent is ours.
func once(payload []byte) func(*lambda.Options) {
	return func(o *lambda.Options) {
		o.Retryer = refusedSignature{}
		o.HTTPClient = sender{o.HTTPClient, payload}
	}
}

type refusedSignature struct{ sdk.NopRetryer }

func (refusedSignature) MaxAttempts() int                             { return 2 }
func (refusedSignature) IsErrorRetryable(err error) bool              { return meaningOf(err) == credential }
func (refusedSignature) RetryDelay(int, error) (time.Duration, error) { return 0, nil }

// sender sends a body that nobody closes too early.
type sender struct {
	lambda.HTTPClient
	payload []byte
}

func (s sender) Do(r *http.Request) (*http.Response, error) {
	ours := *r
	ours.Body = io.NopCloser(bytes.NewReader(s.payload))
	return s.HTTPClient.Do(&ours)
}
