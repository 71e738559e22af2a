package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/serflow/serflow-go/internal/launch"
)

// longestAnswer of a function, in bytes. Clouds allow 6 to 32 MB.
const longestAnswer = 64 << 20

// errAnswered marks a call that failed with an answer: the process can take the next one.
var errAnswered = errors.New("it answered")

// process is an instance of a function, which takes one call at a time.
type process struct {
	child  *child
	url    string
	calls  *http.Transport // its one connection, which ends with it
	turn   int             // counts how often it has become idle
	expiry *time.Timer     // of this turn
}

// coldStart starts a process of a function, and returns it when it is ready.
func (p *Provider) coldStart(fn *function) (*process, error) {
	room, err := newPipes()
	if err != nil {
		return nil, err
	}
	select {
	case <-time.After(fn.cold):
	case <-p.ctx.Done():
		room.close()
		return nil, p.ctx.Err()
	}
	start := launch.Start{
		Kind: launch.Function, Setup: fn.spec.Setup, Credential: p.credential, Pace: pace(float64(fn.Offer.MemoryMB) / memoryOfVCPU),
	}
	child, err := p.start(fn.ID, fn.program, start, room)
	if err != nil {
		return nil, err
	}
	address, err := child.await(p.ctx, p.options.Startup)
	if err != nil {
		return nil, err
	}
	x := &process{child: child, url: "http://" + address + launch.InvokePath, calls: &http.Transport{DisableCompression: true}}
	p.running.Go(func() { p.mourn(fn, x) })
	return x, nil
}

// memoryOfVCPU is the MB of a function that come with one vCPU, as AWS Lambda has it.
const memoryOfVCPU = 1769

// mourn forgets a process when it has ended.
func (p *Provider) mourn(fn *function, x *process) {
	<-x.child.done
	p.locked(func() { fn.drop(x) })
}

// call makes one call. An error that wraps errAnswered leaves the process ready for the
// next one.
func (x *process) call(ctx context.Context, credential string, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, x.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+credential)
	request.Header.Set("Content-Type", "application/octet-stream")
	response, err := x.calls.RoundTrip(request) // not by a Client, which would follow redirects
	if err != nil {
		return nil, broken(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, longestAnswer+1))
	switch {
	case err != nil:
		return nil, broken(err)
	case len(answer) > longestAnswer:
		return nil, fmt.Errorf("its answer is longer than %d bytes", longestAnswer)
	case response.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%w with status %d: %s", errAnswered, response.StatusCode, printable(string(answer), 200))
	}
	return answer, nil
}

// broken is the error of a connection. Of those that may have carried something, it hides
// the cause: exhausted.Is must not find it.
func broken(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return err
	}
	return fmt.Errorf("the connection broke: %v", err)
}
