package onnx

import (
	"debug/elf"
	"debug/macho"
	"fmt"
	"runtime"
)

// checkArchitecture refuses a library made for another machine, for which the
// system's loader has only misleading messages ("no such file"). What it does
// not recognise it leaves to the loader.
func checkArchitecture(path string) error {
	got := ""
	if f, err := elf.Open(path); err == nil {
		defer f.Close()
		got = "linux/" + goArch(f.Machine, f.Machine.String())
	} else if f, err := macho.Open(path); err == nil {
		defer f.Close()
		got = "darwin/" + goArch(f.Cpu, f.Cpu.String())
	}
	want := runtime.GOOS + "/" + runtime.GOARCH
	known := runtime.GOARCH == "amd64" || runtime.GOARCH == "arm64"
	if got == "" || got == want || !known || (runtime.GOOS != "linux" && runtime.GOOS != "darwin") {
		return nil
	}
	return fmt.Errorf("%s is built for %s, and this program for %s", path, got, want)
}

// goArch is Go's name for a machine, else the given one.
func goArch(machine any, name string) string {
	switch machine {
	case elf.EM_X86_64, macho.CpuAmd64:
		return "amd64"
	case elf.EM_AARCH64, macho.CpuArm64:
		return "arm64"
	}
	return name
}
