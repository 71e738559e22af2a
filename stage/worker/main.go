package worker

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/stage"
)

// Option changes how Main serves.
type Option func(*options)

type options struct {
	waits, waitsOnVMs []func(context.Context) error // for a notice, until it has come
}

// Main is the first line of the main of a service that rents. In a process that a provider has
// started as a worker it serves the model and never returns; in any other it returns at once.
//
// A worker ends
//   - at the end of its standard input, if a provider on the same machine has started it;
//   - after SIGTERM, once it has finished what it has or 25 seconds have passed, and after a
//     second one at once;
//   - on a VM when it has not heard of its owner for half an hour, or as long as the owner has
//     said, and at the age that the owner has said;
//   - with status 1 if it cannot serve.
//
// What runs before Main, in an init function say, runs in each worker too. It must not read
// standard input.
func Main(model stage.Model, opts ...Option) {
	launch.Arm()
	how := os.Getenv(launch.Environment)
	if how == "" {
		return
	}
	var o options
	for _, option := range opts {
		if option != nil {
			option(&o)
		}
	}
	if err := child(model, how, o); err != nil {
		fmt.Fprintln(os.Stderr, "serflow worker:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// Why a worker ends at once, beside what goes wrong.
var (
	errParent = errors.New("standard input has ended")
	errAgain  = errors.New("it was told to end for the second time")
)

// child is what Main does in a marked process.
func child(model stage.Model, how string, o options) error {
	ctx, stop := context.WithCancelCause(context.Background())
	leaving, leave := context.WithCancel(ctx)
	terminate := make(chan os.Signal, 2)
	signal.Notify(terminate, syscall.SIGTERM)
	signal.Ignore(os.Interrupt) // Ctrl-C in a terminal is for its owner, who tells it to end
	go func() {
		<-terminate
		leave()
		<-terminate
		stop(errAgain)
	}()

	say := announce(os.Stdout)
	start, rest, err := told(how)
	if err != nil {
		say(launch.Ready{Error: err.Error()})
		return err
	}
	if rest != nil {
		go func() {
			io.Copy(io.Discard, rest)
			stop(errParent)
		}()
	}
	context.AfterFunc(ctx, func() {
		time.Sleep(giveUp + farewell) // a stage that is being opened may not heed the context
		os.Exit(1)
	})
	err = serve(ctx, leaving, model, start, say, o.notice(leaving, start.Kind))
	if errors.Is(err, errParent) || errors.Is(err, errAgain) {
		return nil
	}
	return err
}

// told reads what to serve: from standard input, of which the rest is returned, from the
// environment or from a file.
func told(how string) (launch.Start, io.Reader, error) {
	switch how {
	case launch.Stdin:
		return readStart(os.Stdin)
	case launch.InEnvironment:
		start, _, err := readStart(strings.NewReader(os.Getenv(launch.StartVariable)))
		if err != nil {
			err = fmt.Errorf("%s: %w", launch.StartVariable, err)
		}
		return start, nil, err
	}
	f, err := os.Open(how)
	if err != nil {
		return launch.Start{}, nil, fmt.Errorf("%s names neither %q nor %q nor a file: %w", launch.Environment, launch.Stdin, launch.InEnvironment, err)
	}
	defer f.Close()
	start, _, err := readStart(f)
	return start, nil, err
}

// longestStart is the most bytes of what a worker is told.
const longestStart = 1 << 20

// readStart reads the line that says what to serve, and returns what comes after it.
func readStart(r io.Reader) (start launch.Start, rest io.Reader, err error) {
	b := bufio.NewReaderSize(r, longestStart)
	line, err := b.ReadSlice('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return launch.Start{}, nil, fmt.Errorf("reading what to serve: %w", err)
	}
	if err := json.Unmarshal(line, &start); err != nil {
		return launch.Start{}, nil, fmt.Errorf("what to serve, as the first line says, is no JSON: %w", err)
	}
	return start, b, nil
}

// longestReason is how much of an error is announced: a pipe takes a line of this length at
// once, whole, whatever else is written to it.
const longestReason = 2 << 10

// announce tells the provider where the worker listens, or why it does not. The line has a
// line's end before it too, for what a program may have printed without one.
func announce(w io.Writer) func(launch.Ready) {
	return func(r launch.Ready) {
		r.Error = r.Error[:min(len(r.Error), longestReason)]
		b, err := json.Marshal(r)
		if err != nil {
			panic(err) // two strings
		}
		fmt.Fprintf(w, "\n%s%s\n", launch.ReadyPrefix, b)
	}
}
