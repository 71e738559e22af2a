package onnx

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	ort "github.com/yalue/onnxruntime_go"
)

// libraryVariable is the environment variable that names the library.
const libraryVariable = "SERFLOW_ONNXRUNTIME"

const remedy = "ONNX Runtime 1.24 or newer is needed for " + runtime.GOOS + "/" + runtime.GOARCH +
	": get it with `npm install --ignore-scripts onnxruntime-node@1.24.3` (in its folder bin/napi-v6) or from Microsoft's releases," +
	" then set " + libraryVariable + " to the path of the library or pass onnx.Library(path); in a checkout of Serflow .ci/onnxruntime does both"

// loaded is the library this package has loaded; empty if it has loaded none.
var (
	loadMu sync.Mutex
	loaded string
)

// loadRuntime makes sure the process has an ONNX Runtime environment. It never
// replaces one that is there. A failed attempt may be repeated.
func loadRuntime(option string) error {
	loadMu.Lock()
	defer loadMu.Unlock()
	if ort.IsInitialized() {
		return checkLoaded(option)
	}
	loaded = ""
	if path, from := namedLibrary(option); path != "" {
		if err := load(path); err != nil {
			return fmt.Errorf("onnx: %s: %w; %s", from, err, remedy)
		}
		return nil
	}
	var failed []error
	for _, path := range candidates() {
		err := load(path)
		if err == nil {
			return nil
		}
		failed = append(failed, err)
	}
	if len(failed) == 0 {
		return fmt.Errorf("onnx: no ONNX Runtime library found; %s", remedy)
	}
	return fmt.Errorf("onnx: no usable ONNX Runtime library: %w; %s", errors.Join(failed...), remedy)
}

// checkLoaded refuses an explicit wish for another library than ours.
func checkLoaded(option string) error {
	if option == "" || loaded == "" || absolute(option) == loaded {
		return nil
	}
	return fmt.Errorf("onnx: onnx.Library(%q): this process has already loaded %s, and can have only one ONNX Runtime;"+
		" name the same library for every stage", option, loaded)
}

// namedLibrary is the library asked for by name, and who asked.
func namedLibrary(option string) (path, from string) {
	if option != "" {
		return option, "onnx.Library"
	}
	return os.Getenv(libraryVariable), "environment variable " + libraryVariable
}

// load loads one library. Its error says what is wrong with the library, and
// leaves the remedy to the caller.
func load(path string) error {
	path = absolute(path)
	if info, err := os.Stat(path); err != nil {
		return fmt.Errorf("library is missing: %w", err)
	} else if info.IsDir() {
		return fmt.Errorf("%s is a directory, not the library in it", path)
	}
	if err := checkArchitecture(path); err != nil {
		return err
	}
	ort.SetSharedLibraryPath(path)
	err := ort.InitializeEnvironment()
	if err == nil {
		loaded = path
		return nil
	}
	// The binding has no typed errors. This is its message when the library
	// does not know the API version that the binding was compiled for.
	if strings.Contains(err.Error(), "setting ORT API base") {
		return fmt.Errorf("%s is an ONNX Runtime that is too old: it fails the API version check (%w)", path, err)
	}
	return fmt.Errorf("%s does not load: %w", path, err)
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}
