// Package aws rents on Amazon Web Services: VMs on EC2. Credentials and region are found by the
// SDK's default chain.
//
//	vms := aws.VMs(aws.VMOptions{
//		Subnets: []string{"subnet-0abc"},          // where the service runs itself
//		Image:   "ami-0def",                       // with the service's program at /opt/serflow/worker
//	})
//	p, err := serflow.Open(ctx, Model, serflow.On(vms, nil), serflow.Owner("shop"),
//		serflow.Limits(provisioner.Limits{VMs: 4, PerHour: 1}))
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
// had is taken. Each VM says what it costs itself.
//
// # Rights
//
// iam-service.json is the policy of the service: write the owner's name for OWNER. With
// VMOptions.Role it needs iam:PassRole for that role too. The worker needs no rights, unless the
// model's stages do.
//
// # What has not been tried
//
// The tests talk to a fake of our own (internal/fakeaws), by HTTP and with the real SDK. None of
// this has been run against AWS itself.
package aws
