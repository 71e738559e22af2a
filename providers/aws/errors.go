package aws

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/serflow/serflow-go/providers"
)

// failed is the error of an operation.
func failed(op, remedy string, err error) error {
	return &providers.Error{Provider: name, Op: op, Remedy: remedy, Err: err}
}

func notBegun(op string, err error) error {
	return failed(op, "it was not begun: allow more time", err)
}

// meaning is what an error code of AWS says to the caller.
type meaning struct {
	sentinel error
	remedy   string
}

var (
	noCapacity = meaning{providers.ErrInsufficientCapacity, "try later, or offer more types or subnets"}
	overQuota  = meaning{providers.ErrLimit, "raise the quota of the account at Service Quotas, or plan fewer"}
	throttled  = meaning{providers.ErrThrottled, "call again later"}
	denied     = meaning{providers.ErrInvalid, "allow the action in the policy of the service's role: see iam-service.json"}
	credential = meaning{providers.ErrInvalid, "see what credentials the SDK finds, and whether the clock is right"}
)

// meanings is by code, of which some come with a status of 500 although nothing was done. See
// https://docs.aws.amazon.com/ec2/latest/devguide/errors-overview.html.
var meanings = map[string]meaning{
	"InsufficientInstanceCapacity":                noCapacity,
	"InsufficientHostCapacity":                    noCapacity,
	"InsufficientCapacity":                        noCapacity,
	"InsufficientFreeAddressesInSubnet":           noCapacity,
	"SpotMaxPriceTooLow":                          noCapacity,
	"Unsupported":                                 noCapacity, // this type is not in this zone
	"UnfulfillableCapacity":                       noCapacity,
	"VcpuLimitExceeded":                           overQuota,
	"InstanceLimitExceeded":                       overQuota,
	"MaxSpotInstanceCountExceeded":                overQuota,
	"VolumeLimitExceeded":                         overQuota,
	"RequestLimitExceeded":                        throttled,
	"Throttling":                                  throttled,
	"ThrottlingException":                         throttled,
	"TooManyRequestsException":                    throttled,
	"EC2ThrottledException":                       throttled,
	"CodeStorageExceededException":                {providers.ErrLimit, "delete versions and functions that nobody needs, or raise the quota"},
	"ResourceNotFoundException":                   {providers.ErrNotFound, "Ensure it first"},
	"RequestTooLargeException":                    {providers.ErrInvalid, "send fewer rows in a call, or activations as fp16"},
	"ResourceConflictException":                   {providers.ErrUnavailable, "ask again: Lambda is still at work on it"},
	"ResourceNotReadyException":                   {providers.ErrUnavailable, "ask again: Lambda is still at work on it"},
	"UnauthorizedOperation":                       denied,
	"AccessDenied":                                denied,
	"AccessDeniedException":                       denied,
	"AuthFailure":                                 credential,
	"RequestExpired":                              credential,
	"ExpiredToken":                                credential,
	"InvalidClientTokenId":                        credential,
	"UnrecognizedClientException":                 credential,
	"InvalidSignatureException":                   credential,
	"SignatureDoesNotMatch":                       credential,
	"OptInRequired":                               credential,
	"InvalidAMIID.NotFound":                       {providers.ErrNotFound, "give an image of this region and account"},
	"InvalidAMIID.Unavailable":                    {providers.ErrNotFound, "give an image of this region and account"},
	"InvalidSubnetID.NotFound":                    {providers.ErrNotFound, "give subnets of this region and account"},
	"InvalidLaunchTemplateId.NotFound":            {providers.ErrNotFound, "give a launch template of this region and account"},
	"InvalidLaunchTemplateName.NotFoundException": {providers.ErrNotFound, "give a launch template of this region and account"},
	"IdempotentParameterMismatch":                 {providers.ErrInvalid, "use a new token: this one was used for another launch"},
}

// invalidParameter is Lambda's code for much that differs in what it means to the caller.
const invalidParameter = "InvalidParameterValueException"

// meaningsByText is of parts of what Lambda says with that code.
var meaningsByText = map[string]meaning{
	"Source image":                  noCode,
	"GetObject":                     noCode,
	"UnreservedConcurrentExecution": {providers.ErrLimit, "reserve fewer, or raise the account's quota of concurrent executions"},
}

var noCode = meaning{providers.ErrNotFound, "give an artifact that is there, in this region, and that the role of the service may read"}

// understood is what an error of the SDK says, with a sentinel of package providers.
func understood(ctx context.Context, op string, err error) error {
	if ctx.Err() != nil {
		return failed(op, "it may have been done: ask again, or list", fmt.Errorf("%w: %w", ctx.Err(), err))
	}
	m := meaningOf(err)
	if action := deniedAction(err); m == denied && action != "" {
		m.remedy = "allow " + action + " in the policy of the service's role: see iam-service.json"
	}
	return failed(op, m.remedy, fmt.Errorf("%w: %w", m.sentinel, err))
}

func meaningOf(err error) meaning {
	var api smithy.APIError
	var response *smithyhttp.ResponseError
	if errors.As(err, &api) && api.ErrorCode() == invalidParameter {
		for text, m := range meaningsByText {
			if strings.Contains(api.ErrorMessage(), text) {
				return m
			}
		}
	}
	switch {
	case errors.As(err, &api) && meanings[api.ErrorCode()].sentinel != nil:
		return meanings[api.ErrorCode()]
	case errors.As(err, &response) && response.HTTPStatusCode() == 429:
		return throttled
	case errors.As(err, &response) && response.HTTPStatusCode()/100 == 4:
		return meaning{providers.ErrInvalid, "see what AWS says"}
	case errors.As(err, &response), errors.As(err, &api):
		return meaning{providers.ErrUnavailable, "ask again: AWS has a fault of its own"}
	case unsigned(err):
		return credential
	}
	return meaning{providers.ErrUnavailable, "ask again, and see whether AWS can be reached"}
}

// unsigned tells whether a call was never sent, for want of credentials.
func unsigned(err error) bool {
	return strings.Contains(err.Error(), "get identity:") || strings.Contains(err.Error(), "failed to sign request")
}

var performed = regexp.MustCompile(`perform: (\S+:\w+)`)

// deniedAction is the action that is missing: AWS names it, and it may be another than the one
// that was called, such as iam:PassRole.
func deniedAction(err error) string {
	if m := performed.FindStringSubmatch(err.Error()); m != nil {
		return m[1]
	}
	var call *smithy.OperationError
	if errors.As(err, &call) {
		return strings.ToLower(call.Service()) + ":" + call.Operation()
	}
	return ""
}

// attempts watches the attempts of one call, of which the SDK only returns the last error. If
// one of them was not certainly refused, the call may have been done.
type attempts struct {
	sdk.RetryerV2
	doubtful bool
}

// newAttempts is the SDK's own retries, but none where another type or subnet may do.
func newAttempts() *attempts {
	return &attempts{RetryerV2: retry.NewStandard()}
}

// IsErrorRetryable is called with the error of each attempt.
func (a *attempts) IsErrorRetryable(err error) bool {
	m := meaningOf(err)
	if m.sentinel == providers.ErrUnavailable {
		a.doubtful = true
	}
	return m != noCapacity && m != overQuota && a.RetryerV2.IsErrorRetryable(err)
}
