// Package gcp rents on Google Cloud: functions on Cloud Run. Credentials are found by the client
// libraries' application default credentials.
//
//	functions := gcp.Functions(gcp.FunctionOptions{
//		Project: "shop-1234", Region: "us-central1",      // where the service runs itself
//		Image:   "us-central1-docker.pkg.dev/shop-1234/shop/worker:1",
//	})
//
// # Functions
//
// A function is a service of Cloud Run, whose name follows from what it is to be, so that a re-plan
// makes other services beside the old ones. It runs a container image whose entry point is the
// service's own program: that is told by its environment to be a worker and what to serve, and
// listens at port 8080. If the options change what a service that is there is to be, as another
// image does, it gets another revision, to which all its calls go at once when it is ready.
//
// It is called over HTTPS with an identity token, at /serflow/v1/invoke, with a body that is binary
// in both directions. Who may call it is a matter of IAM (roles/run.invoker). Who may describe a
// service can read what its workers are told, of which the credential of the owner's VMs is a part.
//
// An instance is billed by request or by instance: both are offers, and so are instances that are
// kept warm, which cost their offer's IdlePerHour. Cloud Run does not say what it bills for a call:
// see Invoke. If an answer is 429, or says that there is no instance, the call is throttled.
//
// # Rights
//
// iam-functions.json is a custom role of the service's account (gcloud iam roles create --file).
// It needs that on the project, since Cloud Run's names cannot be confined by it, and
// iam.serviceAccounts.actAs of it on the account that workers run as, which itself needs no rights.
//
// # What has not been tried
//
// The tests talk to a fake of our own (internal/fakegcp), with the real client libraries: by gRPC
// over a connection in memory, and by HTTP. None of this has been run against Google Cloud itself;
// what its errors, operations and bills look like is from its documentation, or from memory where a
// comment says so. Identity tokens by application default credentials have not been tried at all.
package gcp
