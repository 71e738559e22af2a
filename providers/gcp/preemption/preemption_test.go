package preemption

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is a metadata server: the VM is preempted after a time, and the server holds questions as
// Google's does. It may do something else instead.
type server struct {
	began     time.Time
	preempted time.Duration
	instead   func(age time.Duration) (status int, text string, ok bool)
	asked     int
}

var errUnreachable = errors.New("no route to host")

func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	s.asked++
	w := httptest.NewRecorder()
	if s.instead != nil {
		if status, text, ok := s.instead(time.Since(s.began)); ok {
			if status == 0 {
				return nil, errUnreachable
			}
			w.WriteHeader(status)
			io.WriteString(w, text)
			return w.Result(), nil
		}
	}
	if r.Header.Get("Metadata-Flavor") != "Google" || r.URL.Path != "/computeMetadata/v1/instance/preempted" {
		w.WriteHeader(http.StatusForbidden)
		return w.Result(), nil
	}
	q := r.URL.Query()
	if seconds, _ := strconv.Atoi(q.Get("timeout_sec")); q.Get("wait_for_change") == "true" && q.Get("last_etag") == s.etag() {
		select {
		case <-time.After(min(time.Duration(seconds)*time.Second, time.Until(s.began.Add(s.preempted)))):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	w.Header().Set("Metadata-Flavor", "Google")
	w.Header().Set("ETag", s.etag())
	fmt.Fprintln(w, strings.ToUpper(strconv.FormatBool(time.Since(s.began) >= s.preempted)))
	return w.Result(), nil
}

func (s *server) etag() string { return fmt.Sprint("e", time.Since(s.began) >= s.preempted) }

// The notice is seen at once, however long it takes, and few questions are asked; a server that is
// silent for ten minutes or talks nonsense is asked again.
func TestTheNoticeIsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{began: time.Now(), preempted: 5*time.Hour + 17*time.Second}
		if err := wait(t.Context(), s, "metadata"); err != nil || time.Since(s.began) != s.preempted {
			t.Errorf("%v after %v", err, time.Since(s.began))
		}
		if s.asked > 310 {
			t.Errorf("%d questions in five hours", s.asked)
		}
		s = &server{began: time.Now(), preempted: time.Hour, instead: func(age time.Duration) (int, string, bool) {
			switch {
			case age > 10*time.Minute && age < 20*time.Minute:
				return 0, "", true
			case age > 30*time.Minute && age < 31*time.Minute:
				return http.StatusServiceUnavailable, "", true
			case age > 32*time.Minute && age < 33*time.Minute:
				return http.StatusOK, "TRUE", true // of somebody else: it has no Metadata-Flavor
			}
			return 0, "", false
		}}
		if err := wait(t.Context(), s, "metadata"); err != nil || time.Since(s.began) != s.preempted {
			t.Errorf("%v after %v", err, time.Since(s.began))
		}
	})
}

// A VM that was told before its worker began is seen to be so.
func TestItWasSaidBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{began: time.Now()}
		if err := wait(t.Context(), s, "metadata"); err != nil || s.asked != 1 {
			t.Errorf("%v after %d questions", err, s.asked)
		}
	})
}

// Where there is no such server, or another cloud's, nobody waits for ever.
func TestElsewhere(t *testing.T) {
	for what, status := range map[string]int{"nobody answers": 0, "another cloud": http.StatusNotFound, "somebody else": http.StatusOK} {
		synctest.Test(t, func(t *testing.T) {
			s := &server{began: time.Now(), instead: func(time.Duration) (int, string, bool) { return status, "FALSE", true }}
			if err := wait(t.Context(), s, "metadata"); err == nil || !strings.Contains(err.Error(), "no metadata server of Google") {
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
		s := &server{began: time.Now(), preempted: 2 * time.Hour}
		if err := wait(ctx, s, "metadata"); !errors.Is(err, context.DeadlineExceeded) || time.Since(s.began) != time.Hour {
			t.Errorf("%v after %v", err, time.Since(s.began))
		}
	})
}

// Notice speaks HTTP, and with whom is said as to Google's own libraries.
func TestOverHTTP(t *testing.T) {
	s := &server{began: time.Now()}
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, err := s.RoundTrip(r)
		if err != nil {
			t.Error(err)
			return
		}
		for key, values := range answer.Header {
			w.Header()[key] = values
		}
		w.WriteHeader(answer.StatusCode)
		io.Copy(w, answer.Body)
	}))
	defer h.Close()
	t.Setenv("GCE_METADATA_HOST", strings.TrimPrefix(h.URL, "http://"))
	if err := Notice(t.Context()); err != nil {
		t.Error(err)
	}
}
