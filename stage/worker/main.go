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
	"syscall"

	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/stage"
)

// Option changes how Main serves.
type Option func(*options)

type options struct{ interrupt <-chan struct{} }

// Interrupt says that the machine is about to be taken back, as a cloud's notice does:
// once the channel is closed or sends, the worker takes no more rows and finishes those that
// it has.
func Interrupt(notice <-chan struct{}) Option {
	return func(o *options) { o.interrupt = notice }
}

// Main is the first line of the main of a service that rents. In a process that a provider has
// started as a worker it serves the model and never returns; in any other it returns at once.
//
// A worker ends at the end of its standard input, if a provider on the same machine has
// started it; after SIGTERM, once it has finished what it has; when it has not heard of its
// owner for half an hour, or as long as that says; and with status 1 if it cannot serve.
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

// child is what Main does in a marked process.
func child(model stage.Model, how string, o options) error {
	ctx, stop := context.WithCancelCause(context.Background())
	defer stop(nil)
	terminate := make(chan os.Signal, 1)
	signal.Notify(terminate, syscall.SIGTERM)
	signal.Ignore(os.Interrupt) // Ctrl-C in a terminal is for its owner, who tells it to end

	var input io.Reader = os.Stdin
	if how != launch.Stdin {
		f, err := os.Open(how)
		if err != nil {
			return fmt.Errorf("%s names neither %q nor a file: %w", launch.Environment, launch.Stdin, err)
		}
		defer f.Close()
		input = f
	}
	start, rest, err := readStart(input)
	if err != nil {
		return err
	}
	if how == launch.Stdin {
		go func() {
			io.Copy(io.Discard, rest)
			stop(errParent)
		}()
	}
	err = serve(ctx, model, start, announce(os.Stdout), o.interrupt, terminate)
	if errors.Is(err, errParent) {
		return nil
	}
	return err
}

var errParent = errors.New("standard input has ended")

// readStart reads the line that says what to serve, and returns what comes after it.
func readStart(r io.Reader) (start launch.Start, rest io.Reader, err error) {
	const longest = 1 << 20
	b := bufio.NewReaderSize(r, longest)
	line, err := b.ReadSlice('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return start, nil, fmt.Errorf("reading what to serve: %w", err)
	}
	if err := json.Unmarshal(line, &start); err != nil {
		return start, nil, fmt.Errorf("what to serve, as its first line of input says, is no JSON: %w", err)
	}
	return start, b, nil
}

// announce tells the provider where the worker listens, or why it does not.
func announce(w io.Writer) func(launch.Ready) {
	return func(r launch.Ready) {
		b, err := json.Marshal(r)
		if err != nil {
			panic(err) // two strings
		}
		fmt.Fprintf(w, "%s%s\n", launch.ReadyPrefix, b)
	}
}
