package fakegcp

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Machine is a VM from the inside.
type Machine struct{ ID, Address, Script string }

// boot runs what a VM runs, if that is wanted, until it ends. The cloud is locked.
func (c *Cloud) boot(v *vm) {
	if c.options.Boot == nil {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	v.stop = stop
	m := Machine{ID: v.id(), Address: v.NetworkInterfaces[0].GetNetworkIP()}
	for _, item := range v.GetMetadata().GetItems() {
		if item.GetKey() == "startup-script" {
			m.Script = item.GetValue()
		}
	}
	c.machines.Go(func() {
		defer stop()
		c.options.Boot(ctx, m)
		c.mu.Lock()
		defer c.mu.Unlock()
		v.end(false) // it has shut down
	})
}

// Close ends all VMs and containers.
func (c *Cloud) Close() {
	c.mu.Lock()
	for _, v := range c.vms {
		v.end(true)
	}
	for _, s := range c.services {
		for _, r := range s.revisions {
			for _, i := range r.idle {
				closeHandler(i.handler)
			}
			r.idle = nil
		}
	}
	c.mu.Unlock()
	c.machines.Wait()
}

// Notice tells a VM that it will be taken back.
func (c *Cloud) Notice(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, v := range c.vms {
		if v.id() == id {
			close(v.noticed)
		}
	}
}

// Metadata is the metadata server of all VMs: that of each is below its ID.
func (c *Cloud) Metadata(w http.ResponseWriter, r *http.Request) {
	id, ok := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/"), "/computeMetadata/v1/instance/preempted")
	c.mu.Lock()
	var noticed chan struct{}
	for _, v := range c.vms {
		if v.id() == id {
			noticed = v.noticed
		}
	}
	c.mu.Unlock()
	if !ok || noticed == nil || r.Header.Get("Metadata-Flavor") != "Google" {
		http.Error(w, "no such VM or path, or no Metadata-Flavor", http.StatusForbidden)
		return
	}
	q := r.URL.Query()
	answer := "FALSE"
	wait := time.Duration(0)
	if q.Get("wait_for_change") == "true" && q.Get("last_etag") == answer {
		wait, _ = time.ParseDuration(q.Get("timeout_sec") + "s")
	}
	select {
	case <-noticed:
		answer = "TRUE"
	default:
		select {
		case <-noticed:
			answer = "TRUE"
		case <-time.After(wait):
		case <-r.Context().Done():
			return
		}
	}
	w.Header().Set("Metadata-Flavor", "Google")
	w.Header().Set("ETag", answer)
	fmt.Fprintln(w, answer)
}
