//go:build unix

package serflow_test

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/serflow/serflow-go/internal/load"
	"github.com/serflow/serflow-go/providers/local"
)

// fault is something that befalls a process.
type fault struct {
	at    time.Duration
	what  string        // killed, stopped, slowed or call killed, which befalls a process of a function
	lasts time.Duration // of stopped and slowed
	whom  int           // of those that are there
}

// drawFaults draws what befalls the VMs and functions, one thing every so often.
func drawFaults(r *rand.Rand, every, length time.Duration) (faults []fault) {
	between := func(least, most time.Duration) time.Duration {
		return least + time.Duration(r.Int64N(int64(most-least)))
	}
	for at := every / 2; at < length; at += time.Duration(r.ExpFloat64() * float64(every)) {
		f := fault{at: at, whom: r.IntN(1 << 20)}
		switch kind := r.Float64(); {
		case kind < 0.3:
			f.what = "killed"
		case kind < 0.5:
			f.what, f.lasts = "stopped", between(100*time.Millisecond, 5*time.Second)
		case kind < 0.8:
			f.what, f.lasts = "slowed", between(time.Second, 10*time.Second)
		default:
			f.what = "call killed"
		}
		faults = append(faults, f)
	}
	return faults
}

// demon brings faults about.
type demon struct {
	t      *testing.T
	cloud  *local.Provider
	folder string
	before []string // processes that are none of the cloud's

	mu   sync.Mutex
	done map[string]int // faults that came about
}

// haunt brings faults about when they are due, until over is called, which ends all of them.
func (d *demon) haunt(faults []fault) (over func()) {
	at := make([]time.Duration, len(faults))
	for i := range faults {
		at[i] = faults[i].at
	}
	ctx, cancel := context.WithCancel(context.Background())
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		load.Play(ctx, at, nil, func(i int) {
			if d.strike(ctx, faults[i]) {
				d.mu.Lock()
				defer d.mu.Unlock()
				d.done[faults[i].what]++
			}
		})
	}()
	return func() { cancel(); <-gone }
}

// strike is one fault, from its beginning to its end.
func (d *demon) strike(ctx context.Context, f fault) (struck bool) {
	id, pid := d.victim(f)
	if pid == 0 {
		return false
	}
	switch f.what {
	case "killed", "call killed":
		return d.signal(pid, syscall.SIGKILL)
	case "stopped":
		if !d.signal(pid, syscall.SIGSTOP) {
			return false
		}
		f.last(ctx)
		if d.cloud.PIDs()[id] == pid {
			d.signal(pid, syscall.SIGCONT)
		}
	case "slowed":
		file := filepath.Join(d.folder, strconv.Itoa(pid))
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			d.t.Error(err)
		}
		f.last(ctx)
		if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) { // another such fault may have ended before
			d.t.Error(err)
		}
	}
	return true
}

// last waits until the fault is over, or the soak is.
func (f fault) last(ctx context.Context) {
	select {
	case <-time.After(f.lasts):
	case <-ctx.Done():
	}
}

// signal tells whether there was somebody to have it.
func (d *demon) signal(pid int, s syscall.Signal) bool {
	err := syscall.Kill(pid, s)
	if err != nil && !errors.Is(err, syscall.ESRCH) {
		d.t.Error(err)
	}
	return err == nil
}

// victim is the process that a fault befalls; a pid of 0 if there is none.
func (d *demon) victim(f fault) (id string, pid int) {
	vms := d.cloud.PIDs()
	if f.what != "call killed" {
		ids := slices.Sorted(maps.Keys(vms))
		if len(ids) == 0 {
			return "", 0
		}
		id = ids[f.whom%len(ids)]
		return id, vms[id]
	}
	var others []int
	for _, text := range processes(d.t) {
		pid, err := strconv.Atoi(text)
		if err == nil && !slices.Contains(d.before, text) && !slices.Contains(slices.Collect(maps.Values(vms)), pid) {
			others = append(others, pid)
		}
	}
	if len(others) == 0 {
		return "", 0
	}
	return "", others[f.whom%len(others)]
}
