package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/serflow/serflow-go/internal/launch"
)

// lateOutput is how long the output of a child is read when it has exited. A process that
// it has left behind may hold it open for ever.
const lateOutput = time.Second

// child is a process that runs, or has run.
type child struct {
	cmd    *exec.Cmd
	pipes  *pipes
	output *output
	grace  time.Duration
	ready  chan launch.Ready // takes the first that it says; an Error if that makes no sense
	exited atomic.Bool
	done   chan struct{} // closed when it has been reaped and nothing more comes from it
}

// start starts a process. It takes over the pipes, whatever becomes of it.
func (p *Provider) start(id, program string, s launch.Start, pipes *pipes) (*child, error) {
	s.Listen = "127.0.0.1:0"
	told, err := json.Marshal(s)
	if err != nil {
		pipes.close()
		return nil, err
	}
	c := &child{
		cmd: exec.Command(program, p.options.Args...), pipes: pipes, output: &output{id: id, log: p.log}, grace: p.options.Grace,
		ready: make(chan launch.Ready, 1), done: make(chan struct{}),
	}
	c.cmd.Env = slices.Concat(os.Environ(), p.options.Env, []string{launch.Environment + "=" + launch.Stdin})
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = pipes.child[0], pipes.child[1], pipes.child[2]
	setApart(c.cmd)
	pipes.makeRoom()
	if err := c.cmd.Start(); err != nil {
		pipes.close()
		return nil, err
	}
	pipes.started()
	p.running.Go(func() { c.pipes.stdin.Write(append(told, '\n')) }) // blocks if it is long and the child does not read
	p.running.Go(c.watch)
	return c, nil
}

// watch reads what a child says until its end, and reaps it.
func (c *child) watch() {
	var readers sync.WaitGroup
	readers.Go(func() { lines(c.pipes.stdout, c.heard) })
	readers.Go(func() { lines(c.pipes.stderr, func(text string, _ bool) { c.output.line(text) }) })
	c.cmd.Wait() // ProcessState tells the same as its error
	c.exited.Store(true)
	late := time.AfterFunc(lateOutput, c.pipes.close)
	readers.Wait()
	late.Stop()
	c.pipes.close()
	close(c.done)
}

// heard takes a line of standard output, or a part of a long one.
func (c *child) heard(text string, begins bool) {
	r, ok, err := launch.ParseReady(text)
	if text == "" {
		return // a worker ends the line that its program may have begun, before it says that it is ready
	}
	if !ok || !begins {
		c.output.line(text)
		return
	}
	if err != nil {
		c.output.line(text)
		r = launch.Ready{Error: "its ready line makes no sense: " + err.Error()}
	}
	select {
	case c.ready <- r:
	default: // it has been said before
	}
}

// await waits until a child serves, and says where. If it never will, or not in time, it
// is ended.
func (c *child) await(ctx context.Context, limit time.Duration) (address string, err error) {
	address, err = c.announced(ctx, limit)
	if err != nil {
		c.end()
		err = c.postmortem(err)
	}
	return address, err
}

func (c *child) announced(ctx context.Context, limit time.Duration) (address string, err error) {
	var r launch.Ready
	select {
	case r = <-c.ready:
	case <-c.done:
		select {
		case r = <-c.ready: // it has said why
		default:
			return "", errors.New("it ended before it was ready")
		}
	case <-time.After(limit):
		return "", fmt.Errorf("it was not ready after %v", limit)
	case <-ctx.Done():
		return "", ctx.Err()
	}
	if r.Error != "" {
		return "", errors.New(printable(r.Error, keptOutput))
	}
	return r.Address, nil
}

// postmortem adds to an error how a child that is done has ended, and what it said last.
func (c *child) postmortem(err error) error {
	text := c.cmd.ProcessState.String()
	if said := c.output.tail(); said != "" {
		text += fmt.Sprintf("; it said last: %s", said)
	}
	return fmt.Errorf("%w: %s", err, text)
}

// over tells whether a child is done.
func (c *child) over() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// end ends a child, and returns when it is done. One that does not end with its standard
// input is killed.
func (c *child) end() {
	c.pipes.stdin.Close()
	select {
	case <-c.done:
	case <-time.After(c.grace):
		c.output.line(fmt.Sprintf("killed: it did not end within %v of its standard input", c.grace))
		c.kill()
	}
}

// kill ends a child at once, and returns when it is done.
func (c *child) kill() {
	if !c.exited.Load() {
		kill(c.cmd.Process)
	}
	<-c.done
}
