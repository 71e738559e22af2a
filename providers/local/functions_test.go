//go:build unix

package local_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/local"
)

func ensure(t *testing.T, p *local.Provider, s providers.FunctionSpec) string {
	t.Helper()
	fn, err := p.Functions().Ensure(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return fn.ID
}

func invoke(t *testing.T, p *local.Provider, id, body string) providers.Invocation {
	t.Helper()
	got, err := p.Functions().Invoke(t.Context(), id, []byte(body))
	if err != nil {
		t.Fatalf("%q: %v", body, err)
	}
	return got
}

// held is a call that runs until it is released.
type held struct {
	path string
	done chan struct{}
	pid  int
	got  providers.Invocation
	err  error
}

// hold begins a call, and returns when the function runs.
func hold(t *testing.T, p *local.Provider, ctx context.Context, id string) *held {
	t.Helper()
	h := &held{path: t.TempDir() + "/call", done: make(chan struct{})}
	go func() {
		defer close(h.done)
		h.got, h.err = p.Functions().Invoke(ctx, id, []byte("wait "+h.path))
	}()
	eventually(t, "the call runs", func() bool {
		text, err := os.ReadFile(h.path + ".begun")
		if err == nil && len(text) > 0 {
			h.pid = number(t, text)
		}
		return h.pid != 0
	})
	return h
}

func (h *held) release(t *testing.T) {
	t.Helper()
	if err := os.WriteFile(h.path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	<-h.done
}

// The first call waits for a process and is billed for it, the next ones find it warm.
func TestInvocations(t *testing.T) {
	p := open(t, local.Options{})
	id := ensure(t, p, specOf("ok"))
	cold, warm := invoke(t, p, id, "pid"), invoke(t, p, id, "pid")
	if string(cold.Body) != string(warm.Body) || cold.Cold < time.Millisecond || cold.Billed <= cold.Cold || warm.Cold != 0 || warm.Billed <= 0 {
		t.Errorf("%+v and %+v", cold, warm)
	}
	var start launch.Start
	json.Unmarshal(invoke(t, p, id, "start").Body, &start)
	secret := start.Credential
	want := launch.Start{Kind: launch.Function, Listen: "127.0.0.1:0", Setup: "ok", Credential: secret, Pace: float64(half.MemoryMB) / 1769}
	if start != want || len(secret) < 20 {
		t.Errorf("told %+v, want %+v", start, want)
	}
	other := open(t, local.Options{})
	json.Unmarshal(invoke(t, other, ensure(t, other, specOf("ok")), "start").Body, &start)
	if start.Credential == secret {
		t.Error("two providers have one credential")
	}
	s := specOf("ok")
	s.Offer = whole
	json.Unmarshal(invoke(t, p, ensure(t, p, s), "start").Body, &start)
	if start.Pace != 1 {
		t.Errorf("a pace of %v with two vCPUs", start.Pace)
	}
}

func TestTheBillOfFunctions(t *testing.T) {
	p := open(t, local.Options{})
	id := ensure(t, p, specOf("ok"))
	dollars := 0.0
	for range 3 {
		dollars += half.Cost(invoke(t, p, id, "pid").Billed)
	}
	got, err := p.Functions().Invoke(t.Context(), id, []byte("fail"))
	isError(t, "a failure", err, providers.ErrFunction)
	dollars += half.Cost(got.Billed)
	if a := p.Account(); a.Calls != 4 || a.Cold != 1 || a.FunctionDollars != dollars || dollars < 4*0.5 {
		t.Errorf("%+v, want %v dollars", a, dollars)
	}
}

// A process takes one call at a time, and the one that was used last is used next.
func TestProcesses(t *testing.T) {
	p := open(t, local.Options{})
	id := ensure(t, p, specOf("ok"))
	first, second := hold(t, p, t.Context(), id), hold(t, p, t.Context(), id)
	if first.pid == second.pid {
		t.Error("two calls at once in one process")
	}
	second.release(t)
	first.release(t)
	for range 2 {
		if got := number(t, invoke(t, p, id, "pid").Body); got != first.pid {
			t.Errorf("process %d, want %d, which was used last", got, first.pid)
		}
	}
	if a := p.Account(); a.Calls != 4 || a.Cold != 2 {
		t.Errorf("%+v", a)
	}
}

func TestCallsAboveTheLimitAreThrottled(t *testing.T) {
	p := open(t, local.Options{Concurrency: 2})
	id, one := ensure(t, p, specOf("ok")), specOf("ok")
	one.Offer = whole // which allows one call at once
	other := ensure(t, p, one)
	throttled := func(id string) {
		t.Helper()
		_, err := p.Functions().Invoke(t.Context(), id, nil)
		isError(t, "a call too many", err, providers.ErrThrottled)
	}
	first := hold(t, p, t.Context(), id)
	throttled(other)
	second := hold(t, p, t.Context(), id)
	throttled(id)
	first.release(t)
	second.release(t)
	invoke(t, p, id, "pid")
	invoke(t, p, other, "pid")
	if a := p.Account(); a.Throttled != 2 || a.Calls != 4 {
		t.Errorf("%+v", a)
	}
}

// A call that nobody waits for any more runs on its own copy of the body, keeps its
// process busy, and is billed.
func TestACallThatIsGivenUpRunsOn(t *testing.T) {
	p := open(t, local.Options{Concurrency: 1})
	id := ensure(t, p, specOf("ok"))
	ctx, cancel := context.WithCancel(t.Context())
	h := hold(t, p, ctx, id)
	cancel()
	<-h.done
	isError(t, "given up", h.err, context.Canceled)
	_, err := p.Functions().Invoke(t.Context(), id, nil)
	isError(t, "it is running", err, providers.ErrThrottled)
	if a := p.Account(); a.Calls != 0 {
		t.Errorf("%+v: it has not ended", a)
	}
	h.release(t)
	eventually(t, "it is billed", func() bool { a := p.Account(); return a.Calls == 1 && a.Cold == 1 && a.FunctionDollars > 0.5 })
	if got := number(t, invoke(t, p, id, "pid").Body); got != h.pid {
		t.Errorf("process %d, want %d, which is idle again", got, h.pid)
	}
}

func TestACallGivenUpInItsColdStartRunsOn(t *testing.T) {
	said := &lines{}
	p := open(t, local.Options{Log: said})
	path := t.TempDir() + "/ready"
	id := ensure(t, p, specOf("late "+path))
	ctx, cancel := context.WithCancel(t.Context())
	body, done := []byte("echo abc"), make(chan error, 1)
	go func() {
		_, err := p.Functions().Invoke(ctx, id, body)
		done <- err
	}()
	eventually(t, "it starts", func() bool { return said.has(id + ": not yet") })
	cancel()
	isError(t, "given up", <-done, context.Canceled)
	copy(body, "exit") // the call has a copy of its own
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is billed", func() bool { return p.Account().Calls == 1 })
	if again := invoke(t, p, id, "pid"); again.Cold != 0 {
		t.Errorf("%+v: the process is to be warm", again)
	}
}

// A call that runs for too long is killed with its process, and makes room.
func TestACallThatRunsForTooLong(t *testing.T) {
	p := open(t, local.Options{Timeout: 500 * time.Millisecond, Concurrency: 1, Grace: 100 * time.Millisecond})
	id := ensure(t, p, specOf("stubborn"))
	pid := number(t, invoke(t, p, id, "pid").Body)
	got, err := p.Functions().Invoke(t.Context(), id, []byte("hang"))
	isError(t, "too long", err, providers.ErrFunction)
	says(t, err, id, "500ms", "signal: killed")
	if strings.Contains(err.Error(), "it did not end within") {
		t.Errorf("%v: it was given time to end", err)
	}
	if got.Billed < 500*time.Millisecond || !reaped(pid) {
		t.Errorf("%+v, reaped %v", got, reaped(pid))
	}
	if again := invoke(t, p, id, "pid"); again.Cold == 0 || number(t, again.Body) == pid {
		t.Errorf("%+v", again)
	}
}

func TestColdStartsThatFail(t *testing.T) {
	for mode, why := range map[string][]string{
		"dies":    {"it ended before it was ready", "exit status 3", "no such model"},
		"garbage": {"its ready line makes no sense"},
		"cannot":  {"model.onnx is damaged"},
		"never":   {"it was not ready after 2s", "still loading"},
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			o := local.Options{}
			if mode == "never" {
				o.Startup = 2 * time.Second
			}
			p := open(t, o)
			id := ensure(t, p, specOf(mode))
			got, err := p.Functions().Invoke(t.Context(), id, nil)
			isError(t, "it cannot start", err, providers.ErrFunction)
			says(t, err, append(why, id)...)
			if a := p.Account(); got.Cold == 0 || got.Billed < got.Cold || a.Calls != 1 || a.Cold != 1 || a.FunctionDollars != half.Cost(got.Billed) {
				t.Errorf("%+v, %+v", got, a)
			}
		})
	}
}

// A function that answers with an error stays warm; one that breaks the connection or
// exits is started anew. Both are billed.
func TestCallsThatFail(t *testing.T) {
	p := open(t, local.Options{})
	id := ensure(t, p, specOf("ok"))
	for _, c := range []struct {
		body  string
		stays bool
		why   []string
	}{
		{"fail", true, []string{"status 500: stage 2 failed!!!!!"}},
		{"move", true, []string{"status 307"}},
		{"exit", false, []string{"the connection broke", "exit status 3", "out of memory"}},
		{"break", false, []string{"the connection broke", "exit status 0"}},
	} {
		pid := number(t, invoke(t, p, id, "pid").Body)
		got, err := p.Functions().Invoke(t.Context(), id, []byte(c.body))
		isError(t, c.body, err, providers.ErrFunction)
		says(t, err, append(c.why, id)...)
		if got.Billed <= 0 || got.Body != nil || len(err.Error()) > 400 {
			t.Errorf("%s: %+v, %v", c.body, got, err)
		}
		if same := number(t, invoke(t, p, id, "pid").Body) == pid; same != c.stays {
			t.Errorf("%s: the same process afterwards: %v", c.body, same)
		}
	}
	if a := p.Account(); a.Calls != 12 || a.Cold != 3 {
		t.Errorf("%+v", a)
	}
}

func TestIdleProcessesExpire(t *testing.T) {
	p := open(t, local.Options{KeepAlive: 50 * time.Millisecond})
	id := ensure(t, p, specOf("ok"))
	pid := number(t, invoke(t, p, id, "pid").Body)
	eventually(t, "it has ended", func() bool { return reaped(pid) })
	if again := invoke(t, p, id, "pid"); again.Cold == 0 || number(t, again.Body) == pid {
		t.Errorf("%+v", again)
	}
}

// An idle process that dies is no failure of the next call.
func TestAnIdleProcessThatDies(t *testing.T) {
	p := open(t, local.Options{})
	id := ensure(t, p, specOf("ok"))
	pid := number(t, invoke(t, p, id, "pid").Body)
	syscall.Kill(pid, syscall.SIGKILL)
	eventually(t, "it is reaped", func() bool { return reaped(pid) })
	if again := invoke(t, p, id, "pid"); again.Cold == 0 {
		t.Errorf("%+v", again)
	}
}

// Idle processes of a function that is removed end at once, the others after their call.
func TestRemove(t *testing.T) {
	p := open(t, local.Options{})
	id := ensure(t, p, specOf("ok"))
	busy, idle := hold(t, p, t.Context(), id), hold(t, p, t.Context(), id)
	idle.release(t)
	for range 2 {
		if err := p.Functions().Remove(t.Context(), id); err != nil {
			t.Error(err)
		}
	}
	eventually(t, "the idle one has ended", func() bool { return reaped(idle.pid) })
	if reaped(busy.pid) {
		t.Error("the busy one has ended")
	}
	_, err := p.Functions().Invoke(t.Context(), id, nil)
	isError(t, "a function that was removed", err, providers.ErrNotFound)
	busy.release(t)
	if got := string(busy.got.Body); busy.err != nil || got != fmt.Sprint(busy.pid) {
		t.Errorf("%q, %v", got, busy.err)
	}
	eventually(t, "the busy one has ended", func() bool { return reaped(busy.pid) })
	if again := ensure(t, p, specOf("ok")); again == id {
		t.Error("a function that was removed is back")
	}
}

// The setup tells functions apart, and is shown to nobody.
func TestEnsureMakesAFunctionOnce(t *testing.T) {
	p := open(t, local.Options{})
	ctx, f := t.Context(), p.Functions()
	var made []providers.Function
	for _, setup := range []string{"ok secret", "ok", "ok secret"} {
		fn, err := f.Ensure(ctx, specOf(setup))
		if err != nil || fn.FunctionSpec != specOf("") {
			t.Errorf("%+v, %v", fn, err)
		}
		made = append(made, fn)
	}
	if made[0].ID == made[1].ID || made[0].ID != made[2].ID {
		t.Errorf("%v: the first and the last are one, and the other is another", made)
	}
	if list, err := f.List(ctx, "shop"); err != nil || !slices.Equal(list, made[:2]) {
		t.Errorf("%v, %v; want %v", list, err, made[:2])
	}
	if list, err := f.List(ctx, "other"); err != nil || len(list) != 0 {
		t.Errorf("another owner has %v, %v", list, err)
	}
	if err := f.Remove(ctx, made[0].ID); err != nil {
		t.Error(err)
	}
	if list, _ := f.List(ctx, "shop"); !slices.Equal(list, made[1:2]) {
		t.Errorf("%v", list)
	}
}

func TestFunctionsRefused(t *testing.T) {
	p := open(t, local.Options{})
	for what, c := range map[string]struct {
		change func(*providers.FunctionSpec)
		want   error
	}{
		"no owner":                    {func(s *providers.FunctionSpec) { s.Owner = "" }, providers.ErrInvalid},
		"a size that is not sold":     {func(s *providers.FunctionSpec) { s.Offer.Name = "huge" }, providers.ErrNotFound},
		"a program that is not there": {func(s *providers.FunctionSpec) { s.Artifact = "/no/such/program" }, providers.ErrInvalid},
		"a setup that is no UTF-8":    {func(s *providers.FunctionSpec) { s.Setup = "\xff" }, providers.ErrInvalid},
	} {
		s := specOf("ok")
		c.change(&s)
		_, err := p.Functions().Ensure(t.Context(), s)
		isError(t, what, err, c.want)
	}
	_, err := p.Functions().Invoke(t.Context(), "function-7", nil)
	isError(t, "a function that never was", err, providers.ErrNotFound)
	if err := p.Functions().Remove(t.Context(), "function-7"); err != nil {
		t.Errorf("removing what never was: %v", err)
	}
}

// Large bodies travel whole, in both directions.
func TestLargeBodies(t *testing.T) {
	p := open(t, local.Options{})
	id := ensure(t, p, specOf("ok"))
	body := "echo " + strings.Repeat("0123456789", 500_000)
	var calls sync.WaitGroup
	for range 3 {
		calls.Go(func() {
			if got, err := p.Functions().Invoke(t.Context(), id, []byte(body)); err != nil || string(got.Body) != body {
				t.Errorf("%d bytes, %v; want %d", len(got.Body), err, len(body))
			}
		})
	}
	calls.Wait()
}
