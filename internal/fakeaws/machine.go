package fakeaws

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"time"
)

// Machine is a VM from the inside.
type Machine struct {
	ID, Address string
	UserData    string // decoded
}

// boot runs what a VM runs, if that is wanted, until it ends. The cloud is locked.
func (c *Cloud) boot(v *vm) {
	if c.options.Boot == nil {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	v.stop = stop
	script, _ := base64.StdEncoding.DecodeString(v.parameters.Get("UserData")) // run has checked it
	m := Machine{v.id, v.address, string(script)}
	c.machines.Go(func() {
		defer stop()
		c.options.Boot(ctx, m)
		c.mu.Lock()
		defer c.mu.Unlock()
		v.end(time.Now()) // it has shut down, and that terminates it
	})
}

// address is that of the n-th VM, counted from 1.
func (c *Cloud) address(n int) string {
	network := cmp.Or(c.options.Network, "10.0")
	if network == NoNetwork {
		return ""
	}
	return fmt.Sprintf("%s.%d.%d", network, n/250, n%250+4)
}

// Close ends all VMs and the programs of functions that no call waits for.
func (c *Cloud) Close() {
	c.mu.Lock()
	for _, v := range c.vms {
		v.end(time.Now())
	}
	for _, f := range c.lambda.functions {
		f.end()
	}
	c.mu.Unlock()
	c.machines.Wait()
}
