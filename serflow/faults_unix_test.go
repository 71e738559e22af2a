//go:build unix

package serflow_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/serflow/serflow-go/providers/local"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage/remote"
)

// signal sends all of a cloud's VMs a signal, or some.
func signal(t *testing.T, cloud *local.Provider, s syscall.Signal, some int) (ids []string) {
	t.Helper()
	for id, pid := range cloud.PIDs() {
		if len(ids) == some {
			break
		}
		if err := syscall.Kill(pid, s); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	return ids
}

// A VM that is killed loses no request, and is replaced.
func TestKilledVMLosesNothing(t *testing.T) {
	cloud := openLocal(t, local.Options{})
	p := openRented(t, cloud, serflow.Plan(vmsAndFunctions(2)), serflow.Heartbeat(200*time.Millisecond))
	waitFor(t, "two VMs", func() bool { return ready(p) == 2 })
	victim := signal(t, cloud, syscall.SIGKILL, 1)[0]
	for i := range 300 {
		check(t, p, i%3)
	}
	waitFor(t, "a replacement", func() bool {
		pids := cloud.PIDs()
		return len(pids) == 2 && pids[victim] == 0 && ready(p) == 2
	})
}

// A VM that stands still costs its requests some time and none its answer. If it comes to
// itself it serves on, else it is replaced.
func TestPausedVM(t *testing.T) {
	for name, resumed := range map[string]bool{"and resumed": true, "for good": false} {
		t.Run(name, func(t *testing.T) {
			cloud := openLocal(t, local.Options{Grace: 200 * time.Millisecond})
			p := openRented(t, cloud, serflow.Plan(vmsAndFunctions(1)), serflow.Heartbeat(200*time.Millisecond), serflow.SLO(20*time.Second))
			waitFor(t, "a VM", func() bool { return ready(p) == 1 })
			paused := signal(t, cloud, syscall.SIGSTOP, 1)[0]
			for i := range 20 {
				check(t, p, i%3)
			}
			if resumed {
				signal(t, cloud, syscall.SIGCONT, 1)
			} else {
				waitFor(t, "a replacement", func() bool { pids := cloud.PIDs(); return len(pids) == 1 && pids[paused] == 0 })
			}
			waitFor(t, "an answer of a VM", func() bool { return ready(p) == 1 && check(t, p, 1).Path[0].Kind == "vm" })
		})
	}
}

// crowd is requests that are under way all at once, and what became of them.
type crowd struct {
	serflow.NoObserver
	load              sync.WaitGroup
	answers, failures atomic.Int64
	heard             atomic.Int64
}

func (c *crowd) RequestDone(context.Context, serflow.RequestEvent) { c.heard.Add(1) }

// send sends so many requests, each so many times.
func (c *crowd) send(t *testing.T, p *serflow.Pipeline, requests, times, milliseconds int, may ...error) {
	for i := range requests {
		c.load.Go(func() {
			for range times {
				r, err := p.Infer(context.Background(), slowSample(i%3, milliseconds))
				if err == nil {
					c.answers.Add(1)
					if r.Exit != i%3 || r.Class != 1 {
						t.Errorf("an answer that is another's: %+v, want exit %d", r, i%3)
					}
					continue
				}
				c.failures.Add(1)
				named := false
				for _, want := range may {
					named = named || errors.Is(err, want)
				}
				if e := new(serflow.Error); !named || !errors.As(err, &e) || e.Stage == "" || e.Group == "" || e.Provider == "" || e.Remedy == "" || r.Exit != -1 {
					t.Errorf("%v; %+v", err, r)
				}
			}
		})
	}
}

// ended waits for the requests, and holds their number to what the pipeline counts.
func (c *crowd) ended(t *testing.T, p *serflow.Pipeline, want int64) {
	t.Helper()
	done := make(chan struct{})
	go func() { c.load.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("requests hang")
	}
	s := p.Stats()
	if n := c.answers.Load() + c.failures.Load(); n != want || c.heard.Load() != want || s.Requests+s.Refused != want || s.Failed+s.Refused != c.failures.Load() {
		t.Errorf("%d ended, %d heard of, %d and %d counted, want %d", n, c.heard.Load(), s.Requests, s.Refused, want)
	}
}

// Workers that misbehave, each in its way, fail no request that a function can answer, and
// no answer is another request's.
func TestRogueVMs(t *testing.T) {
	for _, mode := range []string{"garbage", "stranger", "twice", "never", "half", "slow"} {
		t.Run(mode, func(t *testing.T) {
			rogues := openLocal(t, local.Options{Env: []string{rogueMode + "=" + mode}})
			honest := openLocal(t, local.Options{})
			c := &crowd{}
			p := openRented(t, honest, serflow.On(rogues.VMs(), honest.Functions()), serflow.Plan(vmsAndFunctions(2)), serflow.Observe(c), serflow.Heartbeat(time.Second))
			waitFor(t, "two VMs", func() bool { return ready(p) == 2 })
			c.send(t, p, 5, 4, 0)
			c.ended(t, p, 20)
			if len(rogues.PIDs()) != 2 {
				t.Errorf("VMs that answer when they are asked how they are: %v", rogues.PIDs())
			}
		})
	}
}

// Without a function each request ends in an error that says what the VMs did.
func TestRoguesAlone(t *testing.T) {
	for mode, want := range map[string]error{"garbage": remote.ErrProtocol, "stranger": remote.ErrProtocol, "half": remote.ErrUnavailable, "never": serflow.ErrDeadline} {
		t.Run(mode, func(t *testing.T) {
			rogues := openLocal(t, local.Options{Env: []string{rogueMode + "=" + mode}})
			c := &crowd{}
			plan := vmsAndFunctions(2)
			plan.Functions = nil
			p := openRented(t, rogues, serflow.On(rogues.VMs(), nil), serflow.Plan(plan), serflow.Observe(c), serflow.SLO(2*time.Second))
			c.send(t, p, 10, 2, 0, want)
			c.ended(t, p, 20)
			if c.answers.Load() > 0 {
				t.Errorf("%d answers", c.answers.Load())
			}
		})
	}
}

// Whatever happens to VMs while hundreds of requests are under way, and while the pipeline
// shuts down, each request ends once, and nothing is left.
func TestShutdownInTheMiddleOfIt(t *testing.T) {
	for name, sig := range map[string]syscall.Signal{"killed": syscall.SIGKILL, "stopped": syscall.SIGSTOP, "told to end": syscall.SIGTERM} {
		t.Run(name, func(t *testing.T) {
			children := processes(t)
			cloud := openLocal(t, local.Options{Grace: 200 * time.Millisecond})
			c := &crowd{}
			p := openRented(t, cloud, serflow.Plan(vmsAndFunctions(3)), serflow.Observe(c), serflow.Heartbeat(100*time.Millisecond))
			waitFor(t, "three VMs", func() bool { return ready(p) == 3 })
			c.send(t, p, 300, 1, 50, serflow.ErrClosed, serflow.ErrTries, serflow.ErrCapacity, serflow.ErrThrottled)
			waitFor(t, "the first answers", func() bool { return c.answers.Load() > 5 })
			signal(t, cloud, sig, 3)
			c.send(t, p, 100, 1, 50, serflow.ErrClosed, serflow.ErrTries, serflow.ErrCapacity, serflow.ErrThrottled)
			ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
			defer cancel()
			begun := time.Now()
			err := p.Shutdown(ctx)
			if err != nil && !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
			if took := time.Since(begun); took > 10*time.Second {
				t.Errorf("the shutdown took %v", took)
			}
			c.ended(t, p, 400)
			t.Logf("%d answers, %d errors, then: %v", c.answers.Load(), c.failures.Load(), err)
			_, err = p.Infer(context.Background(), sampleOf(0))
			if e := new(serflow.Error); !errors.Is(err, serflow.ErrClosed) || !errors.As(err, &e) || e.Provider != "local" {
				t.Error(err)
			}
			if err := errors.Join(p.Teardown(context.Background()), cloud.Close()); err != nil {
				t.Error(err)
			}
			waitFor(t, "end of all processes", func() bool { return len(processes(t)) <= len(children) })
		})
	}
}

// All VMs are lost at once: what was under way is answered by functions, and new VMs come.
func TestAllSubprocessesLostAtOnce(t *testing.T) {
	cloud := openLocal(t, local.Options{Concurrency: 500})
	c := &crowd{}
	p := openRented(t, cloud, serflow.Plan(vmsAndFunctions(3)), serflow.Observe(c), serflow.Heartbeat(200*time.Millisecond), serflow.Limits(provisioner.Limits{VMs: 6, PerHour: 10, PerDay: 10}))
	waitFor(t, "three VMs", func() bool { return ready(p) == 3 })
	c.send(t, p, 30, 10, 10)
	waitFor(t, "the first answers", func() bool { return c.answers.Load() > 5 })
	lost := signal(t, cloud, syscall.SIGKILL, 3)
	c.ended(t, p, 300)
	waitFor(t, "three others", func() bool {
		pids := cloud.PIDs()
		return ready(p) == 3 && len(pids) == 3 && pids[lost[0]]+pids[lost[1]]+pids[lost[2]] == 0
	})
}

// Some VMs are killed, and one is left, without a function to take over: what was under way
// there is answered by the one, within the time that it has.
func TestSomeSubprocessesLost(t *testing.T) {
	cloud := openLocal(t, local.Options{})
	c := &crowd{}
	p := openRented(t, cloud, serflow.On(cloud.VMs(), nil), serflow.Plan(vmsAlone(3)), serflow.Observe(c), serflow.SLO(20*time.Second))
	waitFor(t, "three VMs", func() bool { return ready(p) == 3 })
	c.send(t, p, 30, 10, 10)
	waitFor(t, "the first answers", func() bool { return c.answers.Load() > 5 })
	signal(t, cloud, syscall.SIGKILL, 2)
	c.ended(t, p, 300)
}

// Functions that allow two calls at once answer fifty requests that come together, if the
// SLO leaves the time: whether their limit is known beforehand, or only shown by refusals.
func TestThrottledFunctionsUnderLoad(t *testing.T) {
	known := functionOffer
	known.Concurrency = 2
	for name, f := range map[string]provisioner.FunctionOffer{"a limit that is known": known, "the account's": functionOffer} {
		t.Run(name, func(t *testing.T) {
			cloud := openLocal(t, local.Options{Concurrency: 2, Functions: []local.Function{{Offer: f}}})
			c := &crowd{}
			plan := vmsAndFunctions(0)
			plan.VMs, plan.Functions[0].Offer = nil, f
			p := openRented(t, cloud, serflow.On(nil, cloud.Functions()), serflow.Plan(plan), serflow.Observe(c), serflow.SLO(20*time.Second))
			c.send(t, p, 50, 1, 20)
			c.ended(t, p, 50)
			if a := cloud.Account(); name != "a limit that is known" && a.Throttled == 0 || a.Calls < 51 {
				t.Errorf("%+v", a)
			}
		})
	}
}

// A stage that panics on a VM is named once, with its place, and what to mend.
func TestPanicOnAVM(t *testing.T) {
	cloud := openLocal(t, local.Options{})
	p := openRented(t, cloud, serflow.Plan(vmsAndFunctions(1)))
	_, err := p.Infer(t.Context(), sampleThat(panics))
	typed(t, "a panic", err, serflow.ErrStage)
	if said := fmt.Sprint(err); strings.Count(said, "stage failed: ") != 1 || !strings.Contains(said, "rented_test.go:") || !strings.Contains(said, "mend the stage") {
		t.Error(err)
	}
}

// processes are the children of this process, where the system tells.
func processes(t *testing.T) (pids []string) {
	t.Helper()
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", os.Getpid()))
	for _, name := range files {
		text, _ := os.ReadFile(name) // a thread may have ended
		pids = append(pids, strings.Fields(string(text))...)
	}
	return pids
}
