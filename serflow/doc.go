// Package serflow serves early-exit models. Open makes a Pipeline of a model;
// Infer answers one request, which leaves at the first exit that is sure enough.
//
// A model alone runs in process, on the caller's goroutines. With On it runs on virtual
// machines and cloud functions, which the pipeline rents, watches and replaces:
//
//	p, err := serflow.Open(ctx, model,
//		serflow.On(vms, functions), serflow.Owner("shop"),
//		serflow.Limits(provisioner.Limits{VMs: 8, PerHour: 2, PerDay: 20}), serflow.SLO(300*time.Millisecond))
//
// Whatever becomes of them, each request ends once: in an answer, or in an *Error that says
// where and wraps one of this package's sentinels. It may have been computed more than once
// by then, and all of that is billed: Result.Path shows where it has been.
//
// # What is rented, and for how long
//
// Nothing is launched beyond the Limits, and all of it carries the Owner's tag. Shutdown and
// Close leave it to a successor, which adopts it if it has the same Credential and model,
// and else ends and replaces it; Teardown ends it. A VM that does not hear of its owner for
// half an hour ends itself. Subprocesses of package local end with this process.
//
// Without Scale there are as many VMs as the plan says. With it their number follows the traffic:
// every 10 seconds a policy reckons what VMs would save over functions at the rates that are to be
// expected when they have booted. What decides is package control, which package simulate runs as well.
// Recommend has it say what it would do, and rent nothing; State keeps what it has learned over a restart.
//
// Open calls each function once before it returns, with a request that runs nothing: it must
// answer, and have this model. That is a cold start, on the bill as one call.
//
// Functions are kept warm for bursts: as many instances as calls ran at one time lately and a quarter more, half as
// many after three hours without; to begin with, as many as the plan says or as an earlier program needed. Every four
// minutes each is called for nothing, for 50 ms, which is on the bill of its group: ten of 1769 MB cost 0.00025
// dollars an hour on Lambda. A function without a Cold in the plan is left alone.
//
// # Exits in operation
//
// A request leaves by the exits in force when it begins: the model's, or those of
// Pipeline.SetExits. Drift watches over how many reach each stage, Watch over whether what leaves early is
// right, and Brownout lets more leave early under overload. The three can be combined; the watch has the
// last word. Stats.Exits, the Log and Observer.ExitsChanged tell what they do.
package serflow
