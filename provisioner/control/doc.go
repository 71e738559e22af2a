// Package control is the control loop: it turns counts of requests into what a fleet is to have.
//
//	counts, by stage -> policy.Policy -> policy.Check -> offers -> provisioner.Fleet.Want
//
// It is plain state: the time is handed in, nothing is drawn at random, no I/O. A service and
// its simulation drive the same Loop, and have the Fleet act on what it wants:
//
//	if loop.Due(now, fleet) {
//		for _, line := range loop.Tick(now, fleet, seen) { ... } // to the log
//	}
//	actions, wake := fleet.Tick(now)
//
// What becomes of what:
//
//   - VMs that boot, and launches that have not been answered, count as if they served: a policy
//     is told what it has ordered. A VM that is lost is replaced by the fleet, without a decision.
//   - A VM that is too many stays as long as it is paid anyway, and is drained before it is ended.
//   - An offer that cannot be had is made up for with the group's next one, and what cannot be had
//     at all with functions; the fleet tries again, after pauses that double.
//   - A decision that cannot be meant is refused, and without counts nothing is decided: the
//     fleet keeps what it has.
//   - At a limit less is rented than wanted. Functions take the rest; where there are none, the
//     balancer sheds it.
//
// A fleet that follows steady traffic does not flap: under Poisson arrivals at any one rate the
// scale of a group changes less than once in two hours by policy.CostOptimal, once half an hour of
// the traffic is known (TestNoFlapping; in 300 runs of eight hours, at 2 to 1,400 requests per second,
// it was never more than twice, and not at all in 285).
//
// What it survives, and by which test that is shown, is in FAULTS.md. Each change, and each thing that
// stands in the way of one, is one Line.
package control
