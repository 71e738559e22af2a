// Package example is a provider that Serflow does not know: an adapter, as short as can be, to
// a made-up cloud named Rack, whose API has three calls. Copy it to begin your own.
//
//	POST   /machines             {token, type, count, tags, start}: launches once for each token
//	GET    /machines?page=2      {machines, next}: all there are, in the order of their launch
//	DELETE /machines/{id}
package example

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/provisioner"
)

// Rack implements providers.VMs.
type Rack struct {
	URL  string
	Sold []provisioner.VMOffer // by Rack's names of machine types
}

var _ providers.VMs = Rack{}

// machine is Rack's answer for one.
type machine struct {
	ID      string
	Address string
	Begun   time.Time
	Tags    providers.Instance // all but its ID, address and time
}

// Name is "rack".
func (Rack) Name() string { return "rack" }

// Offers lists what is sold.
func (r Rack) Offers(ctx context.Context) ([]provisioner.VMOffer, error) {
	if err := ctx.Err(); err != nil {
		return nil, failed("list offers", "", err)
	}
	return slices.Clone(r.Sold), nil
}

// Launch hands the token to Rack, which sees to it that it launches once.
func (r Rack) Launch(ctx context.Context, l providers.Launch) ([]providers.Instance, error) {
	const op = "launch"
	if err := l.Validate(); err != nil {
		return nil, failed(op, "", err)
	}
	if !slices.Contains(r.Sold, l.Offer) {
		return nil, failed(op, "launch one of Offers", fmt.Errorf("%w: machine type %q", providers.ErrNotFound, l.Offer.Name))
	}
	tags := providers.Instance{Token: l.Token, Owner: l.Owner, Offer: l.Offer, Stages: l.Stages, Artifact: l.Artifact}
	var machines []machine
	err := r.call(ctx, op, http.MethodPost, "/machines", map[string]any{
		"token": l.Token, "type": l.Offer.Name, "count": l.VMs, "tags": tags, "start": l.Setup,
	}, &machines)
	return instances(machines), err
}

// List reads every page: what it leaves out would run for ever.
func (r Rack) List(ctx context.Context, owner string) ([]providers.Instance, error) {
	var all []machine
	for page := 1; page > 0; {
		var got struct {
			Machines []machine
			Next     int
		}
		if err := r.call(ctx, "list VMs", http.MethodGet, fmt.Sprint("/machines?page=", page), nil, &got); err != nil {
			return nil, err
		}
		all, page = append(all, got.Machines...), got.Next
	}
	return instances(slices.DeleteFunc(all, func(m machine) bool { return m.Tags.Owner != owner })), nil
}

// End takes it that what Rack does not know has ended.
func (r Rack) End(ctx context.Context, id string) error {
	return r.call(ctx, "end VM", http.MethodDelete, "/machines/"+id, nil, nil)
}

func instances(machines []machine) (list []providers.Instance) {
	for _, m := range machines {
		vm := m.Tags
		vm.ID, vm.Address, vm.Launched = m.ID, m.Address, m.Begun
		list = append(list, vm)
	}
	return list
}

// failed is the error of an operation.
func failed(op, remedy string, err error) error {
	return &providers.Error{Provider: Rack{}.Name(), Op: op, Remedy: remedy, Err: err}
}

// refusals are the answers that mean that Rack has done nothing.
var refusals = map[int]error{
	http.StatusConflict:            providers.ErrInsufficientCapacity,
	http.StatusTooManyRequests:     providers.ErrThrottled,
	http.StatusForbidden:           providers.ErrInvalid,
	http.StatusUnprocessableEntity: providers.ErrInvalid,
}

// call makes one call of the API. What is not answered, or with a status that is not known,
// may have been done.
func (r Rack) call(ctx context.Context, op, method, path string, body, answer any) error {
	if err := ctx.Err(); err != nil {
		return failed(op, "it was not begun: allow more time", err)
	}
	text, err := json.Marshal(body)
	if err != nil {
		return failed(op, "", fmt.Errorf("%w: %w", providers.ErrInvalid, err))
	}
	request, err := http.NewRequestWithContext(ctx, method, r.URL+path, bytes.NewReader(text))
	if err != nil {
		return failed(op, "give Rack.URL", fmt.Errorf("%w: %w", providers.ErrInvalid, err))
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return failed(op, "ask again", fmt.Errorf("%w: %w", cmp.Or(ctx.Err(), providers.ErrUnavailable), err))
	}
	defer response.Body.Close()
	switch status := response.StatusCode; {
	case status == http.StatusNotFound && method == http.MethodDelete:
		return nil
	case status == http.StatusOK && answer != nil:
		err = json.NewDecoder(response.Body).Decode(answer)
	case status != http.StatusOK:
		err = fmt.Errorf("it answers %s", response.Status)
		if refusal := refusals[status]; refusal != nil {
			return failed(op, "", fmt.Errorf("%w: %w", refusal, err))
		}
	}
	if err != nil {
		return failed(op, "ask again", fmt.Errorf("%w: %w", cmp.Or(ctx.Err(), providers.ErrUnavailable), err))
	}
	return nil
}
