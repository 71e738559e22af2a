//go:build unix

package exhausted_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/serflow/serflow-go/internal/exhausted"
)

func TestIs(t *testing.T) {
	for err, want := range map[error]bool{
		nil:                  false,
		errors.New("broken"): false,
		&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.EADDRNOTAVAIL)}: true,
		&net.OpError{Op: "dial", Err: os.NewSyscallError("socket", syscall.EMFILE)}:         true,
		&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}:  false,
		fmt.Errorf("start: %w", &os.PathError{Op: "open", Path: "x", Err: syscall.ENFILE}):  true,
	} {
		if exhausted.Is(err) != want {
			t.Errorf("%v: %v", err, !want)
		}
	}
}
