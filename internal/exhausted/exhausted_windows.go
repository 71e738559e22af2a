package exhausted

import "syscall"

// What Windows answers when something has run out, as in its winerror.h.
var errnos = [...]error{
	syscall.Errno(4),     // too many open files
	syscall.Errno(8),     // not enough memory
	syscall.Errno(1450),  // no system resources
	syscall.Errno(1455),  // commitment limit
	syscall.Errno(10024), // too many sockets
	syscall.Errno(10049), // addresses used up
	syscall.Errno(10055), // no buffer space
}
