//go:build unix

package exhausted

import "syscall"

var errnos = [...]error{
	syscall.EMFILE, syscall.ENFILE, syscall.EAGAIN, syscall.ENOMEM, syscall.ENOBUFS, syscall.EADDRNOTAVAIL,
}
