module github.com/serflow/serflow-go/balancer/peers

go 1.26.0

require (
	github.com/cncf/xds/go v0.0.0-20260202195803-dba9d589def2
	github.com/failsafe-go/failsafe-go v0.9.8
	github.com/serflow/serflow-go v0.0.0
	google.golang.org/grpc v1.84.0
)

require (
	github.com/bits-and-blooms/bitset v1.24.4 // indirect
	github.com/envoyproxy/protoc-gen-validate v1.3.3 // indirect
	golang.org/x/net v0.61.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
	gonum.org/v1/gonum v0.17.0 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20261012220534-4341edf3f941 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
)

replace github.com/serflow/serflow-go => ../..
