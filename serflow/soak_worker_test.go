//go:build unix

package serflow_test

import (
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/internal/load"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/stage/worker"
)

// soakDir is the variable that makes a child of the test binary a worker of the soak's model.
// It names a folder: a worker whose process ID is the name of a file there is slow.
const soakDir = "SERFLOW_TEST_SOAK"

// tenTimes is how much slower.
const tenTimes = 10

var soakReach = []float64{1, 0.6, 0.3}

// soakTimes are those of a worker that is well.
var soakTimes = func() profile.Times {
	t, err := profile.LogNormal([]time.Duration{10 * time.Millisecond, 15 * time.Millisecond, 20 * time.Millisecond}, 0.5)
	if err != nil {
		panic(err)
	}
	return t
}()

// soakModel is served by workers that look for their file in the folder.
func soakModel(folder string) load.Waits {
	mine := filepath.Join(folder, strconv.Itoa(os.Getpid()))
	return load.Waits{Name: "soak", Times: soakTimes, Slower: func() float64 {
		if _, err := os.Stat(mine); err == nil {
			return tenTimes
		}
		return 1
	}}
}

// It is here, and not in TestMain, because the workers of all other tests have another model.
func init() {
	if folder := os.Getenv(soakDir); folder != "" && os.Getenv(launch.Environment) != "" {
		worker.Main(soakModel(folder).Model())
	}
}
