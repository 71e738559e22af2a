.PHONY: demo quickstart test bench

# Commands that run the model get ONNX Runtime first: cached, checksum verified.
with_onnxruntime = SERFLOW_ONNXRUNTIME="$$(.ci/onnxruntime)" && export SERFLOW_ONNXRUNTIME &&

# Serves 5,000 test images with a five-stage model and shows what leaving early saves.
demo:
	$(with_onnxruntime) go run ./examples/fashionmnist

# Serves a two-stage model of Go functions; needs only Go.
quickstart:
	go run ./examples/quickstart

# Runs every test with the race detector.
test:
	$(with_onnxruntime) go test -race ./...

# Time and memory, side by side in one run.
bench:
	$(with_onnxruntime) go test -run '^$$' -bench . -benchmem ./...
