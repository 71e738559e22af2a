package simcli

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/serflow/serflow-go/provisioner/simulate/compare"
	"github.com/serflow/serflow-go/provisioner/simulate/report"
)

// Folder makes one, if it is asked for and there is none.
func Folder(flag, name string) error {
	if name == "" {
		return nil
	}
	if err := os.MkdirAll(name, 0o777); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrUsage, flag, err)
	}
	return nil
}

// Pictures writes each chart to a file of its name.
func Pictures(flag, name string, r *compare.Report) error {
	if name == "" {
		return nil
	}
	charts, err := report.Charts(r)
	if err != nil {
		return fmt.Errorf("%s: %w", flag, err)
	}
	for _, c := range charts {
		var b bytes.Buffer
		if err := c.PNG(&b); err != nil {
			return fmt.Errorf("%s: %w", flag, err)
		}
		if err := os.WriteFile(filepath.Join(name, c.Name+".png"), b.Bytes(), 0o666); err != nil {
			return fmt.Errorf("%s: %w", flag, err)
		}
	}
	return nil
}

// Detail is that of a comparison of so long a run for the report's charts: some two points of each of 240 intervals.
func Detail(length time.Duration) time.Duration {
	const intervals = 240
	return max(time.Second, (length / intervals).Truncate(time.Second))
}
