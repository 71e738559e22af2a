package gcp

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"time"

	"cloud.google.com/go/auth"
	run "cloud.google.com/go/run/apiv2"
	"google.golang.org/api/option"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/provisioner"
)

// name is the provider's, in errors.
const name = "gcp"

// FunctionOptions is what Cloud Run sells, and what services run. A project and a region must be
// given.
type FunctionOptions struct {
	Project string // its ID
	Region  string // such as "us-central1": that of the service that calls
	// Sold is the sizes; nil means Sizes().
	Sold []Size
	// Image is what runs if no Artifact is named: a container image whose entry point is the user's
	// program, such as "us-central1-docker.pkg.dev/project/shop/worker:1".
	Image string
	// ServiceAccount is the email of the account that services run as. It needs no rights, unless
	// the model's stages do; "" means the project's default, which often has too many.
	ServiceAccount string
	// Timeout is how long a call may run; default 1 min, or what the offer allows if that is less.
	Timeout time.Duration
	// Progress, if it is not nil, is told of what Cloud Run says while Ensure waits for it.
	Progress func(service, says string)

	// Client is how Google Cloud is called; nil means by application default credentials.
	Client []option.ClientOption
	// HTTP is what calls services; nil means a client of our own, which keeps connections.
	HTTP *http.Client
	// Token returns an identity token for an audience, which is a service's URL; nil means by
	// application default credentials, which must be those of a service account.
	Token func(ctx context.Context, audience string) (string, error)
}

// CloudRun implements providers.Functions. It is safe for concurrent use.
type CloudRun struct {
	options FunctionOptions

	mu     sync.Mutex
	api    *run.ServicesClient
	urls   map[string]string            // by service
	tokens map[string]*auth.Credentials // by audience
}

var _ providers.Functions = (*CloudRun)(nil)

// Functions returns a provider of functions on Cloud Run. It calls nobody: options that cannot be,
// missing credentials and the like are the error of whatever is called first.
func Functions(o FunctionOptions) *CloudRun {
	if o.Sold == nil {
		o.Sold = Sizes()
	}
	if o.Timeout == 0 {
		o.Timeout = time.Minute
	}
	if o.HTTP == nil {
		o.HTTP = &http.Client{Transport: keeping()}
	}
	o.Sold, o.Client = slices.Clone(o.Sold), slices.Clone(o.Client)
	r := &CloudRun{options: o, urls: map[string]string{}, tokens: map[string]*auth.Credentials{}}
	if o.Token == nil {
		r.options.Token = r.identity
	}
	return r
}

// keeping is a transport that keeps as many connections as calls are in flight. Answers are read as
// they were sent: tensors do not shrink.
func keeping() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns, t.MaxIdleConnsPerHost, t.DisableCompression = 0, 1000, true
	return t
}

// Name is "gcp".
func (*CloudRun) Name() string { return name }

// Close closes the connections to Google Cloud.
func (r *CloudRun) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.options.HTTP.CloseIdleConnections()
	if r.api == nil {
		return nil
	}
	err := r.api.Close()
	r.api = nil
	return err
}

// Offers lists the functions of the options. It asks nobody.
func (r *CloudRun) Offers(ctx context.Context) (offers []provisioner.FunctionOffer, err error) {
	const op = "list function offers"
	if err := ctx.Err(); err != nil {
		return nil, notBegun(op, err)
	}
	if err := r.options.validate(); err != nil {
		return nil, failed(op, "", err)
	}
	for _, s := range r.options.Sold {
		offers = append(offers, s.Offer)
	}
	return offers, nil
}

// begin is the client for an operation, or says why it cannot be begun.
func (r *CloudRun) begin(ctx context.Context, op string) (*run.ServicesClient, error) {
	if err := ctx.Err(); err != nil {
		return nil, notBegun(op, err)
	}
	if err := r.options.validate(); err != nil {
		return nil, failed(op, "", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.api == nil {
		api, err := run.NewServicesClient(context.WithoutCancel(ctx), r.options.Client...)
		if err != nil {
			return nil, failed(op, noCredentials, fmt.Errorf("%w: %w", providers.ErrInvalid, err))
		}
		r.api = api
	}
	return r.api, nil
}

var (
	projectID = regexp.MustCompile(`^[a-z][a-z0-9-]{4,28}[a-z0-9]$`)
	region    = regexp.MustCompile(`^[a-z]+-[a-z]+[0-9]+$`)
	zone      = regexp.MustCompile(`^[a-z]+-[a-z]+[0-9]+-[a-z]$`)
)

// validate reports what cannot be. Its error wraps providers.ErrInvalid.
func (o FunctionOptions) validate() error {
	names := map[string]bool{}
	for _, s := range o.Sold {
		if err := s.validate(); err != nil {
			return fmt.Errorf("%w: %w", providers.ErrInvalid, err)
		}
		names[s.Offer.Name] = true
	}
	switch {
	case len(names) < len(o.Sold):
		return fmt.Errorf("%w: two offers have one name: name each of them differently", providers.ErrInvalid)
	case !projectID.MatchString(o.Project):
		return fmt.Errorf("%w: project %q: give FunctionOptions.Project, the ID of yours", providers.ErrInvalid, o.Project)
	case !region.MatchString(o.Region):
		return fmt.Errorf("%w: region %q: give FunctionOptions.Region, such as us-central1", providers.ErrInvalid, o.Region)
	case o.Timeout < time.Second || o.Timeout > longestCall || o.Timeout%time.Second != 0:
		return fmt.Errorf("%w: a timeout of %v: give whole seconds, and no more than %v", providers.ErrInvalid, o.Timeout, longestCall)
	}
	return nil
}

func (o FunctionOptions) parent() string {
	return "projects/" + o.Project + "/locations/" + o.Region
}

func (o FunctionOptions) path(service string) string { return o.parent() + "/services/" + service }
