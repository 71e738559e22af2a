module github.com/serflow/serflow-go

go 1.25.0

require (
	github.com/HdrHistogram/hdrhistogram-go v1.4.0
	github.com/yalue/onnxruntime_go v1.27.0
	go.uber.org/goleak v1.3.0
	golang.org/x/sync v0.20.0
	gonum.org/v1/gonum v0.17.0
	pgregory.net/rapid v1.3.0
)
