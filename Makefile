.PHONY: demo quickstart aws gcp profile simulate whatif evaluation ablation fidelity overload test nightly soak bench peers

# Commands that run the model get ONNX Runtime first: cached, checksum verified.
with_onnxruntime = SERFLOW_ONNXRUNTIME="$$(.ci/onnxruntime)" && export SERFLOW_ONNXRUNTIME &&

# Serves 5,000 test images with a five-stage model, in process and then on VMs and functions
# that are subprocesses, and shows what that saves.
demo:
	$(with_onnxruntime) go run ./examples/fashionmnist

# Serves a two-stage model of Go functions; needs only Go.
quickstart:
	go run ./examples/quickstart

# Measures the network on subprocesses, writes its profile and plans with it; goes on where it was broken off.
profile:
	$(with_onnxruntime) go run ./examples/profile

# What a service rents on AWS, and the exact calls; nothing is called.
aws:
	go run ./examples/aws

# The same on Google Cloud.
gcp:
	go run ./examples/gcp

# What fixed plans would do to an hour of real traffic, and what they would cost.
simulate:
	go run ./examples/simulate

# What a server's traffic would cost: LOG=access.log, of your own.
whatif:
	go run ./examples/whatif $(LOG)

# The evaluation's whole grid: hours; it goes on where it was broken off. STOP=20m begins no cell after that.
STOP = 1000h
evaluation:
	go run ./examples/evaluate -cells provisioner/simulate/evaluate/cells.csv -text provisioner/simulate/EVALUATION.md -stop $(STOP)

# What each mechanism of the balancer is worth, on generated bursts.
ablation:
	go run ./examples/ablation

# One workload on subprocesses and in the simulator, side by side: twenty VMs whose stages
# wait, and two that compute.
fidelity:
	go run ./examples/fidelity -length 60s
	$(with_onnxruntime) go run ./examples/fidelity -model fashion -length 60s

# How many requests a second are answered in time when twice as many come as the VMs can carry,
# beside a plain reverse proxy.
overload:
	go run ./examples/overload -length 20s

# Runs every test with the race detector, those first that wait longest, and without it those that
# simulate millions of requests, or plan again and again, and that it leaves out.
test:
	$(with_onnxruntime) go test -race ./serflow ./provisioner/planner ./...
	CGO_ENABLED=0 go test -count=1 ./provisioner/planner ./provisioner/simulate/... ./provisioner/control ./examples/aws ./examples/gcp ./examples/simulate ./examples/whatif
	CGO_ENABLED=0 go test -count=1 -run "^($$(sed -n 's/^func \(Test[A-Za-z]*\)(.*/\1/p' $$(grep -l '^//go:build !race' serflow/*_test.go) | paste -sd '|'))$$" ./serflow
	cd balancer/peers && go test -race ./...

# What takes minutes: the soak; and the engine beside queueing theory at every load, 1.4 billion
# requests, a quarter of an hour of CPU.
nightly: soak
	go test -count=1 -tags nightly -run QueueingNightly -v -timeout 120m ./provisioner/simulate
	go test -count=1 -tags nightly -run DaysNightly -v -timeout 120m ./provisioner/control

# Five minutes of requests on subprocesses that are killed, stopped, slowed and throttled while
# callers go away; "make test" has a few seconds of it. SEED=2 draws others.
SEED = 1
soak:
	go test -race -count=1 -tags nightly -run '^TestSoak$$' -v -timeout 20m ./serflow -soak.seed $(SEED)

# What we call, beside programs that others wrote: Lambda's Invoke, the metadata service of EC2, AWS's command line.
peers:
	.ci/peers

# Time and memory, side by side in one run.
bench:
	$(with_onnxruntime) go test -run '^$$' -bench . -benchmem ./...
	cd balancer/peers && go test -run '^$$' -bench . -benchmem -cpu 1,2 ./...
	.ci/peers -bench
