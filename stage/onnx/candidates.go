package onnx

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
)

// candidates lists the libraries that are present in the usual places, the
// likeliest first.
func candidates() []string {
	var found []string
	for _, dir := range libraryDirs() {
		for _, name := range libraryNames() {
			matches, _ := filepath.Glob(filepath.Join(dir, name))
			slices.Reverse(matches) // of several versions, try the newer first
			found = append(found, matches...)
		}
	}
	return found
}

func libraryNames() []string {
	switch runtime.GOOS {
	case "darwin":
		return []string{"libonnxruntime.dylib", "libonnxruntime.*.dylib"}
	case "windows":
		return []string{"onnxruntime.dll"}
	}
	return []string{"libonnxruntime.so", "libonnxruntime.so.*"}
}

// libraryDirs are glob patterns of directories.
func libraryDirs() []string {
	dirs := []string{"/usr/lib", "/usr/local/lib"}
	switch runtime.GOOS {
	case "darwin":
		dirs = append(dirs, "/opt/homebrew/lib")
	case "linux":
		dirs = append(dirs, "/usr/lib64", "/usr/local/lib64")
		if triple := map[string]string{"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}[runtime.GOARCH]; triple != "" {
			dirs = append(dirs, "/usr/lib/"+triple, "/usr/local/lib/"+triple)
		}
	}
	for _, cache := range cacheDirs() {
		dirs = append(dirs, filepath.Join(cache, "serflow", "onnxruntime", "*", runtime.GOOS+"-"+runtime.GOARCH))
	}
	return dirs
}

// cacheDirs are where .ci/onnxruntime may have put the library: ~/.cache on
// every system unless XDG_CACHE_HOME says otherwise, and the system's own.
func cacheDirs() []string {
	var dirs []string
	if xdg := os.Getenv("XDG_CACHE_HOME"); xdg != "" {
		dirs = append(dirs, xdg)
	} else if home, err := os.UserHomeDir(); err == nil {
		dirs = append(dirs, filepath.Join(home, ".cache"))
	}
	if own, err := os.UserCacheDir(); err == nil && !slices.Contains(dirs, own) {
		dirs = append(dirs, own)
	}
	return dirs
}
