package gcp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/googleapis/gax-go/v2/apierror"
	"google.golang.org/api/googleapi"
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
	noCapacity = meaning{providers.ErrInsufficientCapacity, "try later, or offer more types or zones"}
	overQuota  = meaning{providers.ErrLimit, "raise the quota of the project, or plan fewer"}
	throttled  = meaning{providers.ErrThrottled, "call again later"}
	denied     = meaning{providers.ErrInvalid, "give the service's account the role of iam-functions.json or iam-vms.json, and see whether the API is enabled"}
	anonymous  = meaning{providers.ErrInvalid, noCredentials}
	absent     = meaning{providers.ErrNotFound, "Ensure it first, and see that project, region, image and network are what there is"}
	wrong      = meaning{providers.ErrInvalid, "see what Google Cloud says"}
	faulty     = meaning{providers.ErrUnavailable, "ask again: Google Cloud has a fault of its own, or cannot be reached"}
	atWork     = meaning{providers.ErrUnavailable, "ask again: Google Cloud is still at work on it"}
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

// operationMeanings is by code of an operation of Compute Engine that has failed. An unknown one says
// only that there is no VM of it.
var operationMeanings = map[string]meaning{
	"QUOTA_EXCEEDED":      overQuota,
	"LIMIT_EXCEEDED":      overQuota,
	"PERMISSIONS_ERROR":   denied,
	"RESOURCE_NOT_FOUND":  absent,
	"INVALID_USAGE":       wrong,
	"INVALID_FIELD_VALUE": wrong,
}

// byStatus is by status of HTTP, as in the table of codes.Code.
var byStatus = map[int]codes.Code{
	http.StatusBadRequest: codes.InvalidArgument, http.StatusUnauthorized: codes.Unauthenticated, http.StatusForbidden: codes.PermissionDenied,
	http.StatusNotFound: codes.NotFound, http.StatusConflict: codes.AlreadyExists, http.StatusPreconditionFailed: codes.FailedPrecondition,
	http.StatusTooManyRequests: codes.ResourceExhausted,
}

// codeOf is an error's code of gRPC, whatever carried it.
func codeOf(err error) codes.Code {
	var api *apierror.APIError
	var rest *googleapi.Error
	switch {
	case errors.As(err, &rest) && exceeded(rest):
		return codes.ResourceExhausted
	case errors.As(err, &rest):
		code, known := byStatus[rest.Code]
		if !known {
			code = codes.Unavailable
		}
		return code
	case errors.As(err, &api) && api.GRPCStatus() != nil:
		return api.GRPCStatus().Code()
	}
	return status.Code(err)
}

// exceeded tells whether a refusal is for a rate or a quota: Compute Engine answers 403 to both.
func exceeded(err *googleapi.Error) bool {
	return slices.ContainsFunc(err.Errors, func(e googleapi.ErrorItem) bool {
		return strings.HasSuffix(strings.ToLower(e.Reason), "ratelimitexceeded") || e.Reason == "quotaExceeded"
	})
}

// taken tells whether something has that name already.
func taken(err error) bool { return codeOf(err) == codes.AlreadyExists }

// rated finds the words for a rate in an error.
var rated = regexp.MustCompile(`rate[ _]?limit`)

// meaningOf is what a call's error means. A quota of calls a minute is throttling, one of things is
// a limit.
func meaningOf(err error) meaning {
	code := codeOf(err)
	text := strings.ToLower(err.Error())
	switch m, known := meanings[code]; {
	case code == codes.ResourceExhausted && strings.Contains(text, "quota") && !strings.Contains(text, "per minute") && !rated.MatchString(text):
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
