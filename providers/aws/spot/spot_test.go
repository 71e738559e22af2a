package spot

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// service is a metadata service of the second version, by the age of the test.
type service func(age time.Duration, path string) (status int, body string)

// asking waits at a service, and returns how long that was.
func asking(t *testing.T, ctx context.Context, s service, path, field string) (time.Duration, error) {
	t.Helper()
	began := time.Now()
	api := imds.New(imds.Options{EnableFallback: aws.FalseTernary, HTTPClient: transport(func(r *http.Request) (*http.Response, error) {
		status, body := s(time.Since(began), strings.TrimPrefix(r.URL.Path, "/latest/"))
		if status == 0 {
			return nil, errors.New("no route to host")
		}
		w := httptest.NewRecorder()
		switch {
		case r.URL.Path == "/latest/api/token" && r.Method == http.MethodPut && status == http.StatusOK:
			w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", r.Header.Get("X-Aws-Ec2-Metadata-Token-Ttl-Seconds"))
			w.WriteString("token")
		case r.URL.Path != "/latest/api/token" && r.Header.Get("X-Aws-Ec2-Metadata-Token") != "token":
			w.WriteHeader(http.StatusUnauthorized)
		default:
			w.WriteHeader(status)
			io.WriteString(w, body)
		}
		return w.Result(), nil
	})})
	err := wait(ctx, api, path, field)
	return time.Since(began), err
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) Do(r *http.Request) (*http.Response, error) { return f(r) }

// The word comes after an hour and some seconds, in which the service is silent for ten minutes, and
// talks nonsense. It is seen at the next look; the token has been renewed by then.
func TestTheWordIsSeen(t *testing.T) {
	for path, document := range map[string]string{
		actionPath:    `{"action": "terminate", "time": "2026-09-18T08:22:00Z"}`,
		rebalancePath: `{"noticeTime": "2026-09-18T08:22:00Z"}`,
	} {
		synctest.Test(t, func(t *testing.T) {
			said := 7*time.Hour + 3*time.Second
			field := map[string]string{actionPath: "action", rebalancePath: "noticeTime"}[path]
			waited, err := asking(t, t.Context(), func(age time.Duration, asked string) (int, string) {
				switch {
				case asked != "meta-data/"+path && asked != "api/token":
					return http.StatusForbidden, ""
				case age > 10*time.Minute && age < 20*time.Minute:
					return 0, ""
				case asked == "api/token":
					return http.StatusOK, ""
				case age >= said:
					return http.StatusOK, document
				case age > 30*time.Minute && age < 31*time.Minute:
					return http.StatusOK, "<html>"
				case age > 32*time.Minute && age < 33*time.Minute:
					return http.StatusInternalServerError, ""
				case age > 34*time.Minute && age < 35*time.Minute:
					return http.StatusOK, "{}"
				}
				return http.StatusNotFound, ""
			}, path, field)
			if err != nil || waited < said || waited > said+pause {
				t.Errorf("%s: %v after %v", path, err, waited)
			}
		})
	}
}

// Where there is no such service, or another cloud's, nobody waits for ever.
func TestElsewhere(t *testing.T) {
	for what, status := range map[string]int{"nobody answers": 0, "another cloud": http.StatusNotFound, "no version 2": http.StatusForbidden} {
		synctest.Test(t, func(t *testing.T) {
			waited, err := asking(t, t.Context(), func(time.Duration, string) (int, string) { return status, "" }, actionPath, "action")
			if err == nil || waited < (patience-1)*pause || !strings.Contains(err.Error(), "no metadata service of EC2") {
				t.Errorf("%s: %v", what, err)
			}
		})
	}
}

// Waiting ends with the worker.
func TestGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		waited, err := asking(t, ctx, func(_ time.Duration, asked string) (int, string) {
			if asked == "api/token" {
				return http.StatusOK, ""
			}
			return http.StatusNotFound, ""
		}, actionPath, "action")
		if !errors.Is(err, context.DeadlineExceeded) || waited != time.Hour {
			t.Errorf("%v after %v", err, waited)
		}
	})
}
