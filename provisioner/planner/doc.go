// Package planner works out what to rent for each part of a model, from what its stages
// take on each offer (package profile), price sheets, an objective and traffic. It is plain state:
// it reads no clock, starts no goroutine and draws only from its own seed, so the same
// questions, in the same order, get the same answers.
//
// The path of a plan:
//
//   - Ask: offers with their profiles and prices, the SLO, Traffic as a distribution of
//     rates, reach, memory and the network. It is reckoned in seconds and dollars (problem.go).
//   - What one call costs for every range of stages on every function size, and the
//     cheapest size that holds the range within its limits: c_f (call.go).
//   - What VMs of each offer do for every range: work of a request, mu_sat, transfer, and
//     how long a row may wait before it must leave for a function (fleet.go).
//   - What n of them carry of a rate: the machines that serve (balancer.Request, the balancer and the
//     worker's queue, set up by provisioner.Expect) under virtual time, with functions to go to
//     (trial.go, loop.go, visits.go), kept as tables by load n*mu_sat and n (table.go). So retries, hedges,
//     hand-backs and what the balancer learns are in them. A closed form (estimate.go) says which are worth
//     this; what is chosen is tried again with more requests, for the best of many is also the luckiest.
//   - Rents: for each range, the few offers and sizes n that could be the cheapest by the
//     C(n) rule, each a line over c_f: n*P + c_f*overflow (rent.go).
//   - Every partition of functions, and for each the best of all partitions of VMs, by
//     dynamic programming over the rents; what is chosen on an estimate is simulated, and the
//     search repeated, until what is chosen is known (partition.go, search.go).
//   - The latency of the plan by convolution; if it misses the SLO, the search is repeated
//     with a stricter one (latency.go, plan.go).
//   - Result: the plan, its bill, the uniform plan and the one with a group a stage
//     beside it, the rates at which groups would flip, and all that in words (result.go, explain.go).
//
// What is simplified. A request that overflows at the entry of a VM group stays on
// functions to the group's end, and to that of the function group that it is then in; VM groups
// after it are sized as if it came to them all the same, so cuts of the two kinds that do
// not meet look a little dearer than they are. Requests come to a group that is not the first with the
// time that is left after an expected way there without waits; only the latency knows that some have less.
// Each rate of the distribution is taken to
// last long enough for queues to settle. The formulas are ours, see "Economics" in the design.
package planner
