.PHONY: quickstart test bench

# Serves a two-stage model in process; needs only Go.
quickstart:
	go run ./examples/quickstart

# Runs every test with the race detector; fetches ONNX Runtime first (cached, checksum verified).
test:
	SERFLOW_ONNXRUNTIME="$$(.ci/onnxruntime)" && export SERFLOW_ONNXRUNTIME && go test -race ./...

# Time and memory, side by side in one run.
bench:
	SERFLOW_ONNXRUNTIME="$$(.ci/onnxruntime)" && export SERFLOW_ONNXRUNTIME && go test -run '^$$' -bench . -benchmem ./...
