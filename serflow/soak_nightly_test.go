//go:build unix && nightly

package serflow_test

import "time"

const soakLength = 5 * time.Minute
