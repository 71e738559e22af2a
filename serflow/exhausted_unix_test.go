//go:build unix

package serflow_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/serflow"
)

// Without ports for new connections requests go to functions, or end in an error that says
// so. It is not the VMs' fault: they are kept, and serve on when there are ports again.
func TestNoPortsLeft(t *testing.T) {
	for name, alone := range map[string]bool{"VMs alone": true, "with a function": false} {
		synctest.Test(t, func(t *testing.T) {
			s := newSkies(t, rentedModel, nil)
			plan := vmsAndFunctions(2)
			if alone {
				plan.Functions = nil
			}
			p := s.open(t, serflow.Plan(plan), serflow.SLO(2*time.Second))
			defer s.closed(t, p)
			waitUntil(t, "two VMs", func() bool { return ready(p) == 2 })
			s.noPorts.Store(true)
			for begun := time.Now(); time.Since(begun) < time.Minute; time.Sleep(time.Second) {
				if !alone {
					check(t, p, 1)
					continue
				}
				_, err := p.Infer(t.Context(), sampleOf(1))
				typed(t, name, err, syscall.EADDRNOTAVAIL)
				if !strings.Contains(fmt.Sprint(err), "this process has used up") {
					t.Fatalf("%s: %v", name, err)
				}
			}
			s.noPorts.Store(false)
			waitUntil(t, "an answer of a VM", func() bool {
				r, err := p.Infer(t.Context(), sampleOf(1))
				return err == nil && r.Path[len(r.Path)-1].Kind == "vm"
			})
			if n := s.Account().VMs; n != 2 {
				t.Errorf("%s: %d VMs were launched, two were well", name, n)
			}
		})
	}
}

// Nor is it the provider's, if a function cannot be called for want of files.
func TestNoFilesLeftForFunctions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, nil)
		p := s.open(t, serflow.On(nil, s.lambdas()), serflow.SLO(2*time.Second))
		defer s.closed(t, p)
		s.hook(broken("invoke", fmt.Errorf("%w: %w", providers.ErrThrottled, syscall.EMFILE)), nil)
		_, err := p.Infer(t.Context(), sampleOf(1))
		typed(t, "no files", err, serflow.ErrThrottled)
		if !strings.Contains(fmt.Sprint(err), "this process has used up its open files") {
			t.Error(err)
		}
	})
}
