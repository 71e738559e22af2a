//go:build unix && !nightly

package serflow_test

import "time"

const soakLength = 8 * time.Second
