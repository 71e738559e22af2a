package aws

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/provisioner"
)

// live is the alias that is invoked. It only moves to a version that has answered.
const live = "live"

// ensuring is one call of Ensure. Each of its steps finds what an earlier call has done that
// was broken off.
type ensuring struct {
	*lambda.Client
	op       string
	function string
	spec     providers.FunctionSpec
	code     code
	reserved int // calls
	usage    *usage
	warmed   *providers.Warmed
}

// Ensure returns the function that the spec describes: it is made, published and known by its
// alias. If it was there, it is given the code that its zip file, object or image tag holds now; if that
// is another, calls go to the old one until the new one has answered. Before the alias names what has not
// been called yet, that is called as often at once as calls of this owner were in flight in the last ten
// minutes to functions that serve some of its stages, itself or those of another plan: so many of its sandboxes
// are warm then. A new function that replaces nothing that this process has called is not called. One that Lambda
// could not make is made again. A refusal half-way leaves a function that List lists. With an error too, Warmed
// says what the calls have cost.
func (l *Lambda) Ensure(ctx context.Context, s providers.FunctionSpec) (fn providers.Function, err error) {
	const op = "ensure function"
	if err := s.Validate(); err != nil {
		return fn, failed(op, "", err)
	}
	api, err := l.begin(ctx, op)
	if err != nil {
		return fn, err
	}
	if !slices.Contains(l.options.Sold, s.Offer) {
		return fn, failed(op, "take one of Offers", fmt.Errorf("%w: function size %q", providers.ErrNotFound, s.Offer.Name))
	}
	for what, text := range map[string]string{"owner": s.Owner, "name of the offer": s.Offer.Name, "artifact": s.Artifact} {
		if err := fits(what, plain(text)); err != nil {
			return fn, failed(op, "", err)
		}
	}
	code, err := codeOf(cmp.Or(s.Artifact, l.options.Code))
	if err != nil {
		return fn, failed(op, "", err)
	}
	told, err := environment(s)
	if err != nil {
		return fn, failed(op, "", err)
	}
	e := ensuring{api, op, l.options.nameOf(s, code), s, code, l.options.Reserved, l.usage, &fn.Warmed}
	if err := e.all(ctx, l.options, told); err != nil {
		return fn, err
	}
	l.usage.serves(e.function, s.Stages)
	fn.ID, fn.FunctionSpec = e.function, s
	fn.Setup = ""
	return fn, nil
}

// all takes a function from wherever it is to where it can be called.
func (e ensuring) all(ctx context.Context, o FunctionOptions, told *types.Environment) error {
	now, err := e.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: &e.function})
	if err == nil && now.State == types.StateFailed { // for good
		_, err = e.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: &e.function})
		now = nil
	}
	if missing(err) || err == nil && now == nil {
		_, err = e.CreateFunction(ctx, e.creation(o, told))
		if busy(err) { // it has been made since, or by a try whose answer was lost
			err = nil
		}
	} else if err == nil && !e.code.same(sdk.ToString(now.CodeSha256)) {
		err = e.inTurn(ctx, func() error {
			_, err := e.UpdateFunctionCode(ctx, e.code.update(e.function, e.spec.Offer.Arch))
			return err
		})
	}
	if err == nil {
		err = e.settled(ctx, nil)
	}
	if err == nil && o.Reserved > 0 {
		err = e.reserve(ctx, o.Reserved)
	}
	if err == nil {
		err = e.publish(ctx)
	}
	return e.understood(ctx, err)
}

// inTurn makes a change that Lambda refuses while it is at work on the function, for us or for another
// process.
func (e ensuring) inTurn(ctx context.Context, change func() error) error {
	for {
		if _, err := e.rests(ctx, nil); err != nil {
			return err
		}
		if err := change(); !busy(err) {
			return err
		}
		if err := sleep(ctx, time.Second); err != nil {
			return err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func busy(err error) bool {
	var e *types.ResourceConflictException
	return errors.As(err, &e)
}

// understood leaves errors alone that are understood already.
func (e ensuring) understood(ctx context.Context, err error) error {
	var already *providers.Error
	if err == nil || errors.As(err, &already) {
		return err
	}
	return understood(ctx, e.op, err)
}

func missing(err error) bool {
	var e *types.ResourceNotFoundException
	return errors.As(err, &e)
}

func (e ensuring) creation(o FunctionOptions, told *types.Environment) *lambda.CreateFunctionInput {
	in := &lambda.CreateFunctionInput{
		FunctionName: &e.function, Role: &o.Role, Code: e.code.create(), Environment: told,
		Architectures: []types.Architecture{architectures[e.spec.Offer.Arch]},
		MemorySize:    sdk.Int32(int32(e.spec.Offer.MemoryMB)), Timeout: sdk.Int32(o.seconds(e.spec.Offer)),
		Tags: functionTags(e.spec, time.Now()), PackageType: types.PackageTypeImage,
	}
	if e.code.image == "" {
		in.PackageType, in.Runtime, in.Handler = types.PackageTypeZip, types.RuntimeProvidedal2023, sdk.String("bootstrap")
	}
	return in
}

// seconds is how long a call may run.
func (o FunctionOptions) seconds(offer provisioner.FunctionOffer) int32 {
	timeout := o.Timeout
	if offer.Timeout > 0 {
		timeout = min(timeout, offer.Timeout)
	}
	return int32(max(1, timeout/time.Second))
}

// settled waits until Lambda has made what it was told to make: the function, or a version of it. Its
// error says why it could not.
func (e ensuring) settled(ctx context.Context, version *string) error {
	f, err := e.rests(ctx, version)
	if err == nil && (f.State == types.StateFailed || f.LastUpdateStatus == types.LastUpdateStatusFailed) {
		err = failed(e.op, "mend what Lambda names, and ask again", fmt.Errorf("%w: %s: %s%s",
			providers.ErrInvalid, e.function, sdk.ToString(f.StateReason), sdk.ToString(f.LastUpdateStatusReason)))
	}
	return err
}

// rests waits until Lambda is not at work on the function, or on a version of it.
func (e ensuring) rests(ctx context.Context, version *string) (*lambda.GetFunctionConfigurationOutput, error) {
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		f, err := e.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: &e.function, Qualifier: version})
		switch {
		case missing(err): // it is not known yet everywhere
		case err != nil:
			return nil, err
		case f.State != types.StatePending && f.LastUpdateStatus != types.LastUpdateStatusInProgress: // Inactive too: a call wakes it
			return f, nil
		}
		if err := sleep(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// reserve sets calls aside for the function. Lambda keeps some for all functions together.
func (e ensuring) reserve(ctx context.Context, calls int) error {
	_, err := e.PutFunctionConcurrency(ctx, &lambda.PutFunctionConcurrencyInput{FunctionName: &e.function, ReservedConcurrentExecutions: sdk.Int32(int32(calls))})
	return err
}

// publish has the alias name the code that is there now, once that is warm. Publishing what has not
// changed makes no other version.
func (e ensuring) publish(ctx context.Context) error {
	var now *lambda.PublishVersionOutput
	err := e.inTurn(ctx, func() (err error) {
		now, err = e.PublishVersion(ctx, &lambda.PublishVersionInput{FunctionName: &e.function})
		return err
	})
	if err != nil {
		return err
	}
	if now.State == types.StatePending {
		if err := e.settled(ctx, now.Version); err != nil {
			return err
		}
	}
	alias, err := e.GetAlias(ctx, &lambda.GetAliasInput{FunctionName: &e.function, Name: sdk.String(live)})
	isNew := missing(err)
	switch {
	case err != nil && !isNew:
		return err
	case !isNew && sdk.ToString(alias.FunctionVersion) == sdk.ToString(now.Version):
		return nil
	}
	if err := e.warm(ctx, sdk.ToString(now.Version), !isNew); err != nil {
		return err // the alias stays where it is
	}
	return e.goLive(ctx, now.Version, isNew)
}

// goLive has the alias name a version.
func (e ensuring) goLive(ctx context.Context, version *string, isNew bool) error {
	if !isNew {
		_, err := e.UpdateAlias(ctx, &lambda.UpdateAliasInput{FunctionName: &e.function, Name: sdk.String(live), FunctionVersion: version})
		return err
	}
	_, err := e.CreateAlias(ctx, &lambda.CreateAliasInput{FunctionName: &e.function, Name: sdk.String(live), FunctionVersion: version})
	if busy(err) { // it has been made since
		return nil
	}
	return err
}
