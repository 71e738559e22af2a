package gcp

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/googleapis/gax-go/v2/apierror"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/serflow/serflow-go/providers"
)

// failed is the error of an operation.
func failed(op, remedy string, err error) error {
	return &providers.Error{Provider: name, Op: op, Remedy: remedy, Err: err}
}

func notBegun(op string, err error) error {
	return failed(op, "it was not begun: allow more time", err)
}

// meaning is what an error of Google Cloud says to the caller.
type meaning struct {
	sentinel error
	remedy   string
}

const noCredentials = "see what application default credentials are found: gcloud auth application-default login, or the service account of the machine"

var (
	overQuota = meaning{providers.ErrLimit, "raise the quota of the project, or plan fewer"}
	throttled = meaning{providers.ErrThrottled, "call again later"}
	denied    = meaning{providers.ErrInvalid, "give the service's account the role of iam-functions.json or iam-vms.json, and see whether the API is enabled"}
	anonymous = meaning{providers.ErrInvalid, noCredentials}
	absent    = meaning{providers.ErrNotFound, "Ensure it first, and see that project, region, image and network are what there is"}
	wrong     = meaning{providers.ErrInvalid, "see what Google Cloud says"}
	faulty    = meaning{providers.ErrUnavailable, "ask again: Google Cloud has a fault of its own, or cannot be reached"}
	atWork    = meaning{providers.ErrUnavailable, "ask again: Google Cloud is still at work on it"}
)

// meanings is by code of gRPC: https://cloud.google.com/apis/design/errors.
var meanings = map[codes.Code]meaning{
	codes.ResourceExhausted:  throttled,
	codes.PermissionDenied:   denied,
	codes.Unauthenticated:    anonymous,
	codes.NotFound:           absent,
	codes.InvalidArgument:    wrong,
	codes.FailedPrecondition: wrong,
	codes.OutOfRange:         wrong,
	codes.Unimplemented:      wrong,
	codes.AlreadyExists:      wrong,
	codes.Aborted:            atWork,
}

// codeOf is an error's code of gRPC, whatever carried it.
func codeOf(err error) codes.Code {
	var api *apierror.APIError
	if errors.As(err, &api) && api.GRPCStatus() != nil {
		return api.GRPCStatus().Code()
	}
	return status.Code(err)
}

// meaningOf is what a call's error means. A quota of calls a minute is throttling, one of things is
// a limit.
func meaningOf(err error) meaning {
	code := codeOf(err)
	text := strings.ToLower(err.Error())
	switch m, known := meanings[code]; {
	case code == codes.ResourceExhausted && strings.Contains(text, "quota") && !strings.Contains(text, "per minute") && !strings.Contains(text, "rate_limit"):
		return overQuota
	case known:
		return m
	case strings.Contains(text, "could not find default credentials"):
		return anonymous
	}
	return faulty
}

// understood is what an error of a client library says, with a sentinel of package providers.
func understood(ctx context.Context, op string, err error) error {
	var already *providers.Error
	if err == nil || errors.As(err, &already) {
		return err
	}
	if ctx.Err() != nil {
		return failed(op, "it may have been done: ask again, or list", fmt.Errorf("%w: %w", ctx.Err(), err))
	}
	m := meaningOf(err)
	return failed(op, m.remedy, fmt.Errorf("%w: %w", m.sentinel, err))
}

func missing(err error) bool { return codeOf(err) == codes.NotFound }
