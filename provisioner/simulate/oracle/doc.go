// Package oracle says what is best possible, to hold policies against. Nothing in it can serve: it
// is handed what is still to come.
//
//   - RateOracle follows the rate that requests come at when a VM that is ordered now serves, but does
//     not know the draw: what a perfect forecast would be worth.
//   - OfflineOptimal knows every request, on the policy's own groups of stages, VMs and functions:
//     what following the traffic is worth at most.
//   - LowerBound is no policy. It is less than anything that serves these requests from these offers can cost.
//
// All of it is plain state, and not safe for concurrent use but where it says so.
package oracle
