package aws

import (
	"context"
	"fmt"
	"slices"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/aws/internal/onlambda"
	"github.com/serflow/serflow-go/provisioner"
)

// FunctionOptions is what Lambda sells, and what functions run. A role must be given.
type FunctionOptions struct {
	// Sold is the sizes; nil means Sizes().
	Sold []provisioner.FunctionOffer
	// Role is the ARN of what functions may do themselves. Writing their logs is enough, unless
	// the model's stages need more.
	Role string
	// Code is what runs if no Artifact is named: the path of a zip file that ends in ".zip" and
	// holds the user's program as "bootstrap", an object "s3://bucket/key", or the URI of a
	// container image.
	Code string
	// Timeout is how long a call may run, in whole seconds; default 1 min, or what the offer
	// allows if that is less.
	Timeout time.Duration
	// Reserved is how many calls of each function may run at once: as many are set aside for it, which
	// nobody else can use up, and more are throttled. No offer promises more. 0 leaves it as it is: a
	// reservation that somebody has made by hand stays.
	Reserved int

	// Config is how AWS is called; nil means by the SDK's default chain of credentials and
	// region.
	Config *sdk.Config
}

// Lambda implements providers.Functions. It is safe for concurrent use.
type Lambda struct {
	options FunctionOptions
	client  *client
	usage   *usage
}

var _ providers.Functions = (*Lambda)(nil)

// Functions returns a provider of functions on Lambda. It calls nobody: options that cannot be,
// missing credentials and the like are the error of whatever is called first.
func Functions(o FunctionOptions) *Lambda {
	if o.Sold == nil {
		o.Sold = Sizes()
	}
	if o.Timeout == 0 {
		o.Timeout = time.Minute
	}
	o.Sold = slices.Clone(o.Sold)
	for i := range o.Sold {
		if c := &o.Sold[i].Concurrency; o.Reserved > 0 && (*c == 0 || *c > o.Reserved) {
			*c = o.Reserved
		}
	}
	return &Lambda{options: o, client: &client{config: o.Config}, usage: newUsage()}
}

// Name is "aws".
func (*Lambda) Name() string { return name }

// Offers lists the functions of the options. It asks nobody.
func (l *Lambda) Offers(ctx context.Context) ([]provisioner.FunctionOffer, error) {
	const op = "list function offers"
	if err := ctx.Err(); err != nil {
		return nil, notBegun(op, err)
	}
	if err := l.options.validate(); err != nil {
		return nil, failed(op, "", err)
	}
	return slices.Clone(l.options.Sold), nil
}

// begin is the client for an operation, or says why it cannot be begun.
func (l *Lambda) begin(ctx context.Context, op string) (*lambda.Client, error) {
	if err := ctx.Err(); err != nil {
		return nil, notBegun(op, err)
	}
	if err := l.options.validate(); err != nil {
		return nil, failed(op, "", err)
	}
	return l.client.lambda(ctx, op)
}

// longestCall is what Lambda allows.
const longestCall = 15 * time.Minute

// validate reports what cannot be. Its error wraps providers.ErrInvalid.
func (o FunctionOptions) validate() error {
	names := map[string]bool{}
	for _, offer := range o.Sold {
		if err := offer.Validate(); err != nil {
			return fmt.Errorf("%w: %w", providers.ErrInvalid, err)
		}
		if architectures[offer.Arch] == "" {
			return fmt.Errorf("%w: function %q is for %q: give arm64 or amd64", providers.ErrInvalid, offer.Name, offer.Arch)
		}
		names[offer.Name] = true
	}
	switch {
	case len(names) < len(o.Sold):
		return fmt.Errorf("%w: two offers have one name: name each of them differently", providers.ErrInvalid)
	case o.Role == "":
		return fmt.Errorf("%w: no role: give FunctionOptions.Role, the ARN of one that functions run under", providers.ErrInvalid)
	case o.Reserved < 0:
		return fmt.Errorf("%w: %d calls reserved: give FunctionOptions.Reserved as 0 or more", providers.ErrInvalid, o.Reserved)
	case o.Timeout < time.Second || o.Timeout > longestCall || o.Timeout%time.Second != 0:
		return fmt.Errorf("%w: a timeout of %v: give whole seconds, and no more than %v", providers.ErrInvalid, o.Timeout, longestCall)
	}
	return nil
}

// Prices of Lambda in us-east-1, in US dollars, by https://aws.amazon.com/lambda/pricing/. Calls
// are billed by the millisecond, with their initialisation.
const (
	perCall          = 0.20 / 1e6
	perGBSecondAMD64 = 0.0000166667
	perGBSecondARM64 = 0.0000133334
)

// Sizes is some sizes of function on either architecture, from one vCPU on: 1,769 MB of memory
// come with one. The caller may change what it gets.
func Sizes() (offers []provisioner.FunctionOffer) {
	for _, arch := range []string{"arm64", "amd64"} {
		for _, memory := range []int{1769, 3538, 5307} {
			price := perGBSecondARM64
			if arch == "amd64" {
				price = perGBSecondAMD64
			}
			offers = append(offers, provisioner.FunctionOffer{
				Name: fmt.Sprintf("lambda %d MB %s", memory, arch), Arch: arch, MemoryMB: memory,
				PerCall: perCall, PerGBSecond: price, Round: time.Millisecond,
				Concurrency: 1000, // of a new account, in a region
				Timeout:     longestCall, Payload: onlambda.LongestBody,
			})
		}
	}
	return offers
}
