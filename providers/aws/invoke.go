package aws

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/aws/internal/onlambda"
)

// List lists the owner's functions, from every page.
func (l *Lambda) List(ctx context.Context, owner string) (list []providers.Function, err error) {
	const op = "list functions"
	api, err := l.begin(ctx, op)
	if err != nil {
		return nil, err
	}
	created := map[string]int64{}
	pages := lambda.NewListFunctionsPaginator(api, &lambda.ListFunctionsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, understood(ctx, op, err)
		}
		for _, f := range page.Functions {
			if !strings.HasPrefix(sdk.ToString(f.FunctionName), prefixOf(owner)) {
				continue
			}
			tags, err := api.ListTags(ctx, &lambda.ListTagsInput{Resource: f.FunctionArn})
			if missing(err) {
				continue // removed since
			} else if err != nil {
				return nil, understood(ctx, op, err)
			}
			fn, at := functionFrom(sdk.ToString(f.FunctionName), tags.Tags)
			if fn.Owner == owner {
				created[fn.ID] = at
				list = append(list, fn)
			}
		}
	}
	slices.SortFunc(list, func(a, b providers.Function) int {
		return cmp.Or(cmp.Compare(created[a.ID], created[b.ID]), cmp.Compare(a.ID, b.ID))
	})
	return list, nil
}

// Remove removes a function with all its versions.
func (l *Lambda) Remove(ctx context.Context, id string) error {
	const op = "remove function"
	api, err := l.begin(ctx, op)
	if err != nil {
		return err
	}
	if _, err := api.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: &id}); err != nil && !missing(err) {
		return understood(ctx, op, err)
	}
	l.usage.forget(id)
	return nil
}

// Invoke calls a function once. What it is billed for is read from the line with which Lambda
// ends its log; if there is none, it is as long as the answer took.
func (l *Lambda) Invoke(ctx context.Context, id string, body []byte) (inv providers.Invocation, err error) {
	const op = "invoke"
	api, err := l.begin(ctx, op)
	if err != nil {
		return inv, err
	}
	if n := len(body); n > onlambda.LongestBody {
		return inv, failed(op, "send fewer rows in a call, or activations as fp16",
			fmt.Errorf("%w: a body of %d bytes, %d more than Lambda takes", providers.ErrInvalid, n, n-onlambda.LongestBody))
	}
	counted := l.usage.begin(id)
	defer func() { l.usage.end(counted, providers.Refused(err)) }()
	return call(ctx, api, op, id, live, body)
}

// call calls a version of a function, or an alias.
func call(ctx context.Context, api *lambda.Client, op, function, version string, body []byte) (inv providers.Invocation, err error) {
	payload := onlambda.Payload(body)
	began := time.Now()
	var answer []byte
	out, err := api.Invoke(ctx, &lambda.InvokeInput{FunctionName: &function, Qualifier: &version, LogType: types.LogTypeTail, Payload: payload}, once(payload, &answer))
	if err != nil {
		return inv, understood(ctx, op, err)
	}
	log, err := base64.StdEncoding.DecodeString(sdk.ToString(out.LogResult))
	r, ok := reportIn(string(log))
	if err != nil || !ok {
		r = report{billed: time.Since(began)}
	}
	inv.Billed, inv.Cold = r.billed, min(r.init, r.billed)
	if out.FunctionError != nil {
		remedy, why := cause(answer, r, function)
		return inv, failed(op, remedy, fmt.Errorf("%w: %s: %s", providers.ErrFunction, function, why))
	}
	if inv.Body, err = onlambda.BodyInPlace(answer); err != nil {
		return inv, failed(op, "see whether its program is a worker of this version", fmt.Errorf("%w: %s: its answer is no text of base64: %w", providers.ErrFunction, function, err))
	}
	return inv, nil
}
