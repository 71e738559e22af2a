package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/serflow/serflow-go/provisioner/simulate/compare"
	"github.com/serflow/serflow-go/provisioner/simulate/report"
)

// folder makes one, if it is asked for and there is none.
func folder(flag, name string) error {
	if name == "" {
		return nil
	}
	if err := os.MkdirAll(name, 0o777); err != nil {
		return fmt.Errorf("%w: %s: %w", errUsage, flag, err)
	}
	return nil
}

// pictures writes each chart to a file of its name.
func pictures(flag, name string, r *compare.Report) error {
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
