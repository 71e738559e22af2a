// Package gcp rents on Google Cloud: VMs on Compute Engine and functions on Cloud Run. Credentials
// are found by the client libraries' application default credentials.
//
//	vms := gcp.VMs(gcp.VMOptions{
//		Project: "shop-1234", Zones: []string{"us-central1-a"}, // where the service runs itself
//		Image:   "projects/shop-1234/global/images/worker-1",   // with the service's program at /opt/serflow/worker
//	})
//	functions := gcp.Functions(gcp.FunctionOptions{
//		Project: "shop-1234", Region: "us-central1",      // where the service runs itself
//		Image:   "us-central1-docker.pkg.dev/shop-1234/shop/worker:1",
//	})
//
// # VMs
//
// A VM is made from an image, on demand or spot, with a startup script that starts the worker: the
// image's program with the environment variable SERFLOW_WORKER. Its worker is reached at its
// address in the network; firewall rules must let the service do that. It has no external address,
// and no rights unless VMOptions.ServiceAccount gives it some. Who may get instances can read what
// workers are told, of which the credential is a part.
//
// When the worker ends, as it does when its owner has been silent for half an hour, the VM shuts
// down. Compute Engine bills no VM that is shut down, but its disk, which no VM without rights can
// delete: List lists it, so the next program with the owner's tag ends it, as Teardown does. Spot
// VMs that are taken back are deleted; with package preemption their workers hear of it half a minute
// before.
//
// One offer may be met with several machine types and zones. The cheapest type that is to be had is
// taken, in the first zone where it is. Each VM says what it costs itself. Names and request IDs
// follow from the launch's token, so that no launch happens twice, whoever asks.
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
// iam-vms.json and iam-functions.json are custom roles of the service's account (gcloud iam roles
// create --file): give it those of what you rent, on the project, and for functions
// roles/artifactregistry.reader on the repository of their image. If you can, give
// iam.serviceAccounts.actAs on the account that workers run as alone; that needs no rights itself.
// Which permissions a call needs is from memory of Google's documentation.
//
// # What has not been tried
//
// The tests talk to a fake of our own (internal/fakegcp), with the real client libraries: by gRPC
// over a connection in memory, and by HTTP. None of this has been run against Google Cloud itself;
// what its errors, operations and bills look like is from its documentation, or from memory where a
// comment says so. Identity tokens have been tried with the key of a service account alone, and with
// a server of ours.
package gcp
