// Package boot runs the VMs of a fake AWS as processes of this machine, each at an address of the
// loopback network that is its own: the shell runs their user data. It is empty where there is no
// such shell.
package boot
