//go:build unix

package remote_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/serflow/serflow-go/stage/remote"
)

// Files or ports that have run out are named: it is this process that is at fault, and not
// the server.
func TestNothingLeftToConnectWith(t *testing.T) {
	for _, no := range []error{syscall.EMFILE, syscall.ENFILE, syscall.EADDRNOTAVAIL} {
		tr := remote.NewTransport()
		tr.DialContext = func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", no)}
		}
		w := remote.Dial("127.0.0.1:1", remote.Options{Model: "votes", Transport: tr})
		_, err := w.Run(t.Context(), one())
		if !errors.Is(err, remote.ErrUnavailable) || !errors.Is(err, no) || !strings.Contains(fmt.Sprint(err), "this process has no files, ports") {
			t.Errorf("%v: %v", no, err)
		}
	}
}
