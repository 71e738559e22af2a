package traffic_test

import (
	"io"
	"strings"

	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
)

// trace is one whose file has that text.
func trace(f traffic.Format, text string) traffic.Trace {
	return traffic.Trace{Format: f, Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}
}
