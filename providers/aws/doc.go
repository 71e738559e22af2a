// Package aws rents on Amazon Web Services: VMs on EC2 and functions on Lambda. Credentials and
// region are found by the SDK's default chain.
//
//	vms := aws.VMs(aws.VMOptions{
//		Subnets: []string{"subnet-0abc"},          // where the service runs itself
//		Image:   "ami-0def",                       // with the service's program at /opt/serflow/worker
//	})
//	functions := aws.Functions(aws.FunctionOptions{
//		Role: "arn:aws:iam::123456789012:role/worker",
//		Code: "s3://bucket/worker.zip",            // with the service's program as bootstrap
//	})
//
// # VMs
//
// A VM is launched from a machine image, on demand or spot, with user data that starts the
// worker: the image's program with the environment variable SERFLOW_WORKER. Its worker is
// reached at its private address; security groups must let the service do that. When the worker
// ends, as it does when its owner has been silent for half an hour, the VM shuts down, and is
// terminated by that. It has no public address, and a metadata service of the second version
// alone. The user data holds the credential that callers must show to the worker; who may
// describe the attributes of instances can read it.
//
// One offer may be met with several instance types and subnets. The cheapest type that is to be
// had is taken, in the zone of the service if it is there. Each VM says what it costs itself. Its disks
// are billed beside it: an image's disk that is not deleted with its VM (DeleteOnTermination) stays, with
// the owner's tag, and nobody here deletes it.
//
// A worker on a spot VM that listens to package spot drains when AWS takes the VM back; its service
// sends it nothing more from the next heartbeat on, and replaces it.
//
// # Functions
//
// A function's name follows from what it is to be, so that a re-plan, another role or another time-out
// makes other functions beside the old ones. It runs a zip file (provided.al2023) or a container image,
// on either architecture, and is called by an alias that only moves to code that has answered. Code
// that was put under the same path, key or tag runs after the next start of the service: Ensure hands
// it to Lambda again, and an old version answers until the new one has. It is told by its
// environment what to serve: SERFLOW_WORKER is "lambda", and SERFLOW_START holds the line of JSON
// that package worker documents. A call's payload is its body as a JSON text of base64, and so is
// the answer. What it is billed for, and how much of that was its initialisation, comes from the
// report at the end of its log. A call is never repeated here, unless its signature is refused: it
// may have run.
//
// A re-plan meets no wave of cold starts: what is to be called next is warmed first, by as many calls at once
// as this process had in flight at once, in the last ten minutes, to what that replaces, which are the owner's functions
// that serve some of its stages. Calls that overlap get a sandbox each. They are billed as all calls are, initialisation
// too, are on the bill of the function's group (providers.Warmed says how many there were), and are under
// no limit of dollars, since serflow.Limits is of VMs. They leave the calls that run their room in the offer's
// Concurrency, which is the account's unless some is reserved for each function; where Lambda throttles them all the
// same, three seconds are waited for it, and fewer sandboxes are warm. A service that has just started has seen no call: new
// code under an old name is called once then, and a function that is new not at all, but for the one call with which
// package serflow tries each. A new function's sandboxes are idle while VMs of its plan boot; Lambda keeps them for
// some five to ten minutes, which no document promises.
//
// Payloads are not compressed. To pack and unpack activations took longer than to send what that saves
// on any link of more than 100 to 700 Mbit/s (BenchmarkCompression of examples/fashionmnist, on
// 2026-11-28), VMs have more, and the unpacking in the function would be billed, while payloads are not.
//
// On 2026-11-28, on a busy machine of two cores, our Invoke took 1.04, 1.00 and 1.01 of the time of the SDK's in three
// runs with a body of 1 KB, 1.05, 1.02 and 1.05 with 100 KB, 1.07, 1.00 and 1.02 with 1 MB, though it encodes and decodes
// too: calls by turns to npm's serverless-offline, medians (.ci/peers -bench).
//
// Package lambdaworker makes the program in the zip file or image what Lambda's runtime API can
// call: it is the service's own, and begins with lambdaworker.Main.
//
// CloudWatch bills for the logs of functions, which no Invocation counts: some three hundred bytes a call, so
// that a million calls can cost as much in logs as in fees. A role that may not write logs writes none.
//
// # Rights
//
// iam-service.json is the policy of the service: write the owner's name for OWNER, for WORKER that of
// the role that VMs and functions run under, for CODE bucket and key of the functions' zip file if it is
// on S3 (with "?versionId=", also allow s3:GetObjectVersion), and for IMAGE the parameter of
// "resolve:ssm:". Leave out what you do not rent. The repository of an image must let Lambda read it
// (ecr:BatchGetImage and ecr:GetDownloadUrlForLayer for lambda.amazonaws.com, in its own policy). An
// account that has never had a spot VM needs the role AWSServiceRoleForEC2Spot first.
//
// The role of workers needs what lets functions write their logs (AWSLambdaBasicExecutionRole), and what
// the model's stages need.
//
// # What has not been tried
//
// None of this has been run against AWS itself. The tests talk to a fake of our own
// (internal/fakeaws), by HTTP and with the real SDK; AWS's command line is a second client of it.
// Calls of functions are also tried on npm's serverless-offline, which gives no report of what a
// call is billed for, the worker of functions under AWS's emulator of the runtime interface, and the
// notices of spot VMs on AWS's mock of the metadata service (.ci/peers).
package aws
