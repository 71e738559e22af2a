package gcp

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"cloud.google.com/go/auth/credentials/idtoken"
	run "cloud.google.com/go/run/apiv2"
	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/api/iterator"

	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/providers"
)

// List lists the owner's functions, from every page.
func (r *CloudRun) List(ctx context.Context, owner string) (list []providers.Function, err error) {
	const op = "list functions"
	api, err := r.begin(ctx, op)
	if err != nil {
		return nil, err
	}
	created := map[string]time.Time{}
	services := api.ListServices(ctx, &runpb.ListServicesRequest{Parent: r.options.parent()})
	for {
		s, err := services.Next()
		if errors.Is(err, iterator.Done) {
			break
		}
		if err != nil {
			return nil, understood(ctx, op, err)
		}
		fn := functionFrom(last(s.Name), s.Annotations)
		if strings.HasPrefix(fn.ID, prefixOf(owner)) && fn.Owner == owner && s.DeleteTime == nil {
			created[fn.ID] = s.CreateTime.AsTime()
			list = append(list, fn)
		}
	}
	slices.SortFunc(list, func(a, b providers.Function) int {
		return cmp.Or(created[a.ID].Compare(created[b.ID]), cmp.Compare(a.ID, b.ID))
	})
	return list, nil
}

// Remove removes a service with all its revisions, and waits until it is gone.
func (r *CloudRun) Remove(ctx context.Context, id string) error {
	const op = "remove function"
	api, err := r.begin(ctx, op)
	if err != nil {
		return err
	}
	r.remember(id, "")
	if !strings.HasPrefix(id, "serflow-") {
		return nil // whatever it is, it is not ours
	}
	deletion, err := api.DeleteService(ctx, &runpb.DeleteServiceRequest{Name: r.options.path(id)})
	if err == nil {
		e := ensuring{op: op, options: r.options, service: id}
		err = e.wait(ctx, deletion)
	}
	if missing(err) {
		return nil
	}
	return understood(ctx, op, err)
}

// remember keeps the URL of a service; "" forgets it.
func (r *CloudRun) remember(service, url string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if url == "" {
		delete(r.urls, service)
		return
	}
	r.urls[service] = url
}

// url is where a service is called.
func (r *CloudRun) url(ctx context.Context, api *run.ServicesClient, service string) (string, error) {
	r.mu.Lock()
	url := r.urls[service]
	r.mu.Unlock()
	if url != "" {
		return url, nil
	}
	s, err := api.GetService(ctx, &runpb.GetServiceRequest{Name: r.options.path(service)})
	if err != nil {
		return "", err
	}
	if s.Uri == "" {
		return "", fmt.Errorf("%w: service %s has no URL yet", providers.ErrUnavailable, service)
	}
	r.remember(service, s.Uri)
	return s.Uri, nil
}

// identity is an identity token by application default credentials, which are kept as long as
// they are good.
func (r *CloudRun) identity(ctx context.Context, audience string) (string, error) {
	r.mu.Lock()
	credentials := r.tokens[audience]
	r.mu.Unlock()
	if credentials == nil {
		var err error
		if credentials, err = idtoken.NewCredentials(&idtoken.Options{Audience: audience}); err != nil {
			return "", err
		}
		r.mu.Lock()
		r.tokens[audience] = credentials
		r.mu.Unlock()
	}
	token, err := credentials.Token(ctx)
	if err != nil {
		return "", err
	}
	return token.Value, nil
}

// Invoke calls a service once. Cloud Run does not say what it bills for a call: it is taken to be as
// long as the answer took, which counts the way there and back too. Cold is what the worker says
// that its program took to begin, in its first answer; the time to fetch its image is not in it.
func (r *CloudRun) Invoke(ctx context.Context, id string, body []byte) (inv providers.Invocation, err error) {
	const op = "invoke"
	api, err := r.begin(ctx, op)
	if err != nil {
		return inv, err
	}
	if n := len(body); n > longestBody {
		return inv, failed(op, "send fewer rows in a call, or activations as fp16",
			fmt.Errorf("%w: a body of %d bytes, %d more than Cloud Run takes", providers.ErrInvalid, n, n-longestBody))
	}
	url, err := r.url(ctx, api, id)
	if errors.Is(err, providers.ErrUnavailable) {
		return inv, failed(op, atWork.remedy, err)
	} else if err != nil {
		return inv, understood(ctx, op, err)
	}
	token, err := r.options.Token(ctx, url)
	if err != nil {
		return inv, failed(op, noCredentials, fmt.Errorf("%w: no identity token for %s: %w", because(ctx), url, err))
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+launch.InvokePath, bytes.NewReader(body))
	if err != nil {
		return inv, failed(op, "", fmt.Errorf("%w: %w", providers.ErrInvalid, err))
	}
	request.GetBody = nil // it is not sent twice: the first may have run
	request.Header.Set("X-Serverless-Authorization", "Bearer "+token)
	request.Header.Set("Authorization", "Bearer "+id) // for the worker
	request.Header.Set("Content-Type", "application/octet-stream")
	began := time.Now()
	response, err := r.options.HTTP.Do(request)
	if err != nil {
		return inv, failed(op, faulty.remedy, fmt.Errorf("%w: %w", orFaulty(ctx), err))
	}
	defer response.Body.Close()
	answer, err := read(response)
	if err != nil {
		return inv, failed(op, faulty.remedy, fmt.Errorf("%w: its answer has no end: %w", orFaulty(ctx), err))
	}
	took := time.Since(began)
	if response.StatusCode != http.StatusOK {
		m, ran := refusal(response, answer)
		if ran {
			inv.Billed = took
		}
		if m.sentinel == providers.ErrNotFound {
			r.remember(id, "")
		}
		return inv, failed(op, m.remedy, fmt.Errorf("%w: %s: status %d: %.200s", m.sentinel, id, response.StatusCode, bytes.TrimSpace(answer)))
	}
	init, _ := strconv.ParseInt(response.Header.Get(launch.InitHeader), 10, 64)
	inv.Body, inv.Billed = answer, took
	inv.Cold = min(max(time.Duration(init), 0), took)
	return inv, nil
}

// read reads an answer at once if its length is known.
func read(r *http.Response) ([]byte, error) {
	if r.ContentLength < 0 || r.ContentLength > longestBody {
		return io.ReadAll(r.Body)
	}
	answer := make([]byte, r.ContentLength)
	_, err := io.ReadFull(r.Body, answer)
	return answer, err
}

// because is the context's error, if it is over, or else that something is invalid.
func because(ctx context.Context) error { return cmp.Or(ctx.Err(), providers.ErrInvalid) }

// orFaulty is the context's error, if it is over, or else that it is not known what was done.
func orFaulty(ctx context.Context) error { return cmp.Or(ctx.Err(), providers.ErrUnavailable) }

// refusal is what a status other than 200 means, and whether the call ran: see
// https://cloud.google.com/run/docs/troubleshooting. What comes of the service's own code is plain
// text or JSON, and what comes of Google's front end is often HTML.
func refusal(r *http.Response, answer []byte) (m meaning, ran bool) {
	text := strings.ToLower(string(answer))
	switch status := r.StatusCode; {
	case status == http.StatusTooManyRequests, strings.Contains(text, "no available instance"):
		return throttled, false
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return meaning{providers.ErrInvalid, "give the caller's account roles/run.invoker for the service"}, false
	case status == http.StatusNotFound:
		return absent, false
	case status == http.StatusRequestEntityTooLarge:
		return meaning{providers.ErrInvalid, "send fewer rows in a call, or activations as fp16"}, false
	case status == http.StatusGatewayTimeout:
		return meaning{providers.ErrFunction, "raise FunctionOptions.Timeout, or take an offer with more vCPUs"}, true
	case status == http.StatusInternalServerError && !strings.Contains(text, "<html"):
		return meaning{providers.ErrFunction, "see its log in Cloud Logging, and whether its image has a worker of this version"}, true
	case status >= 500:
		return meaning{providers.ErrUnavailable, "ask again; if it goes on, see the service's log, and whether it needs more memory"}, false
	}
	return meaning{providers.ErrFunction, "see whether its image has a worker of this version"}, true
}
