module github.com/serflow/serflow-go/balancer/peers

go 1.25.0

require (
	github.com/cncf/xds/go v0.0.0-20251210132809-ee656c7534f5
	github.com/failsafe-go/failsafe-go v0.9.8
	github.com/serflow/serflow-go v0.0.0
	google.golang.org/grpc v1.80.0
)

require (
	github.com/bits-and-blooms/bitset v1.24.4 // indirect
	github.com/envoyproxy/protoc-gen-validate v1.3.0 // indirect
	golang.org/x/net v0.49.0 // indirect
	golang.org/x/sys v0.40.0 // indirect
	golang.org/x/text v0.33.0 // indirect
	gonum.org/v1/gonum v0.17.0 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260120221211-b8f7ae30c516 // indirect
	google.golang.org/protobuf v1.36.11 // indirect
)

replace github.com/serflow/serflow-go => ../..
