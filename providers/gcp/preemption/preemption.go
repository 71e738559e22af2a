// Package preemption waits, on a VM of Compute Engine, for word that Google takes it back. It is for
// the worker alone, which then takes no more rows and finishes those that it has, while its service
// sends them elsewhere and rents another VM:
//
//	worker.Main(Model, worker.InterruptWhen(preemption.Notice))
//
// It asks the VM's metadata server, and needs no credentials and no rights. VMs that are not spot
// are never taken back so, and ask in vain, which costs nothing.
package preemption

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// path is where the metadata server says it: FALSE, and TRUE from the preemption on. See
// https://cloud.google.com/compute/docs/instances/create-use-spot#detect-preemption.
const path = "/computeMetadata/v1/instance/preempted"

const (
	hold     = time.Minute // for which the server keeps a question whose answer is the same as before
	pause    = 5 * time.Second
	patience = 12 // looks in a row at a server that has never answered
)

// Notice returns nil once Google has said that it takes the VM back: half a minute before it does. Its
// error is the context's, or says that there is no metadata server of Google here: then the program
// does not run on Compute Engine. One that has answered before is asked again however long it is
// silent.
func Notice(ctx context.Context) error {
	t := &http.Transport{DialContext: (&net.Dialer{Timeout: pause}).DialContext} // by no proxy
	defer t.CloseIdleConnections()
	host := os.Getenv("GCE_METADATA_HOST") // as Google's own libraries have it
	if host == "" {
		host = "169.254.169.254"
	}
	return wait(ctx, t, host)
}

// wait asks until the answer is TRUE.
func wait(ctx context.Context, t http.RoundTripper, host string) error {
	etag := "0" // of no answer: the first comes at once
	for silent, answered := 0, false; ; {
		preempted, next, err := ask(ctx, t, host, etag)
		switch {
		case preempted:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil && next != etag:
			answered, etag = true, next
			continue
		case err == nil:
			answered = true
		case !answered:
			if silent++; silent == patience {
				return fmt.Errorf("no metadata server of Google answers here: %w", err)
			}
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// ask asks once, and is answered when the answer has another etag, or after a while.
func ask(ctx context.Context, t http.RoundTripper, host, etag string) (preempted bool, next string, err error) {
	ctx, cancel := context.WithTimeout(ctx, hold+pause)
	defer cancel()
	query := url.Values{"wait_for_change": {"true"}, "timeout_sec": {fmt.Sprint(int(hold.Seconds()))}, "last_etag": {etag}}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+path+"?"+query.Encode(), nil)
	if err != nil {
		return false, etag, err
	}
	r.Header.Set("Metadata-Flavor", "Google")
	answer, err := t.RoundTrip(r)
	if err != nil {
		return false, etag, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 100))
	switch {
	case err != nil:
		return false, etag, err
	case answer.StatusCode != http.StatusOK:
		return false, etag, fmt.Errorf("status %d", answer.StatusCode)
	case answer.Header.Get("Metadata-Flavor") != "Google":
		return false, etag, errors.New("it is somebody else's")
	}
	switch strings.TrimSpace(string(text)) {
	case "TRUE":
		return true, etag, nil
	case "FALSE":
		return false, answer.Header.Get("ETag"), nil
	}
	return false, etag, fmt.Errorf("it says %q", text)
}
