// Package lambdaworker makes a service's own program its worker on Lambda. It is imported by the
// program that is put into a zip file (as bootstrap, for provided.al2023) or a container image, and
// may be the one that runs on VMs and as the service itself:
//
//	func main() {
//		lambdaworker.Main(Model) // on Lambda, becomes the function
//		worker.Main(Model)       // on a VM, becomes the worker
//		...                      // the service
//	}
//
// Such a zip file is made by
//
//	CGO_ENABLED=0 GOOS=linux GOARCH=arm64 go build -tags lambda.norpc -o bootstrap . && zip worker.zip bootstrap
//
// and an image needs the program as its entry point and no more. A model of package stage/onnx
// needs cgo and a library beside the program: see examples/aws.
//
// Package aws makes the functions and calls them. Who may call is what Lambda's policies say.
// Everything that a call brings is answered, with an error of the worker's own if need be: a call
// only fails by Lambda's book if the program crashes, runs out of memory or takes too long.
package lambdaworker

import (
	"context"
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/providers/aws/internal/onlambda"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/worker"
)

// Main is the first line of main in a program that is deployed to Lambda. In a function that
// package aws has made it opens the model, which Lambda bills as initialisation, serves, and never
// returns; anywhere else it returns at once.
//
// If the model cannot be opened, Lambda is told why, and callers hear it as the function's error.
// What runs before Main runs in each instance too, and its time is billed.
func Main(model stage.Model) {
	if os.Getenv(launch.Environment) != onlambda.Marked {
		return
	}
	api := os.Getenv("AWS_LAMBDA_RUNTIME_API")
	f, err := worker.OpenFunction(context.Background(), model, os.Getenv(launch.StartVariable), onlambda.LongestBody)
	if err == nil && api == "" {
		err = fmt.Errorf("%s is %q, and this is not Lambda: AWS_LAMBDA_RUNTIME_API is not set", launch.Environment, onlambda.Marked)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "serflow worker:", err)
		confess(api, err)
		os.Exit(1)
	}
	lambda.Start(handler{f}) // never returns: when the runtime API is gone, the program ends
}

// handler is what the runtime of aws-lambda-go calls, with payloads as they are.
type handler struct{ *worker.Function }

// Invoke answers one call. The payload's memory is used again afterwards, and the body is a copy.
func (h handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	body, err := onlambda.Body(payload)
	if err != nil {
		return nil, fmt.Errorf("the payload is no JSON text of base64: is the caller of this version? %w", err)
	}
	return onlambda.Payload(h.Answer(ctx, body)), nil
}
