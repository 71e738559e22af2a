package aws

import (
	"bytes"
	"io"
	"net/http"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/serflow/serflow-go/providers/aws/internal/onlambda"
)

// once has the SDK call a function no second time: the first may have run, and is billed. Only a
// signature that is refused has run nothing, as when the clock is off: the SDK knows by how much then.
//
// The SDK closes a request's body when the head of the answer is there. If the connection's writer
// is behind then, it takes that for an error and closes the connection in the middle of the answer.
// The SDK only hides that by calling again: in about one of a hundred calls of 100 KB, by the
// benchmark of Invoke. See aws-sdk-go-v2's issue 2737. So the body that is sent is ours.
//
// The payload of an answer is put into answer, in memory that is made for it at once: the SDK, which
// gets none, would copy it again and again as it grows.
func once(payload []byte, answer *[]byte) func(*lambda.Options) {
	return func(o *lambda.Options) {
		o.Retryer = refusedSignature{}
		o.HTTPClient = sender{o.HTTPClient, payload, answer}
	}
}

type refusedSignature struct{ sdk.NopRetryer }

func (refusedSignature) MaxAttempts() int                             { return 2 }
func (refusedSignature) IsErrorRetryable(err error) bool              { return meaningOf(err) == credential }
func (refusedSignature) RetryDelay(int, error) (time.Duration, error) { return 0, nil }

// sender sends a body that nobody closes too early, and reads that of the answer.
type sender struct {
	lambda.HTTPClient
	payload []byte
	answer  *[]byte
}

func (s sender) Do(r *http.Request) (*http.Response, error) {
	ours := *r
	ours.Body = io.NopCloser(bytes.NewReader(s.payload))
	answer, err := s.HTTPClient.Do(&ours)
	if err != nil || answer.StatusCode != http.StatusOK {
		return answer, err
	}
	defer answer.Body.Close()
	if *s.answer, err = readAll(answer.Body, answer.ContentLength); err != nil {
		return nil, err
	}
	answer.Body, answer.ContentLength = http.NoBody, 0
	return answer, nil
}

// readAll reads a body into memory that is made for it at once if it says how long it is, unless that is
// more than Lambda sends.
func readAll(body io.Reader, length int64) ([]byte, error) {
	if length <= 0 || length > onlambda.LongestPayload {
		return io.ReadAll(body)
	}
	all := make([]byte, length)
	_, err := io.ReadFull(body, all)
	return all, err
}
