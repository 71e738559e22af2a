// Package peers measures the balancer beside what a Go service would take in its place:
// policies of grpc-go, failsafe-go, and a plain round robin. It is a module of its own,
// so that nobody who uses serflow downloads them, and has nothing but tests:
//
//	cd balancer/peers && go test -bench . -benchmem -cpu 1,2
//
// Names of benchmarks end in alone, where one goroutine asks at a time, or in shared,
// where as many as there are CPUs ask the same instance: shared-2 above shared means that
// two cores are slower than one. Believe that only of a machine with nothing else to do.
package peers
