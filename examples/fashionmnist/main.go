// Fashionmnist serves 5,000 test images with a five-stage early-exit network. It searches
// exit thresholds on validation logits, answers the images in process, one by one and in
// batches, and shows what leaving early saves, beside the same network without early exits
// and cut short. Then it serves them as a stream on virtual machines and cloud functions,
// which are processes of this program: the rate rises past what the VMs can carry, one of
// them is killed, and the functions take what is left. "make demo" runs it with ONNX
// Runtime at hand.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"time"

	"github.com/serflow/serflow-go/examples/fashionmnist/model"
	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/stage/worker"
)

func main() {
	log.SetFlags(0)
	m, err := fashion(firstExits())
	if err != nil {
		log.Fatal(err)
	}
	worker.Main(m) // the VMs and functions are processes of this program
	bound := flag.Float64("bound", 0.5, "most accuracy to lose against the final exit, in percentage points")
	kind := flag.String("kind", string(exit.KindMaxProb), "what exits compare: maxprob, entropy, margin or patience")
	batch := flag.Int("batch", 32, "images in a batch")
	count := flag.Int("images", 5000, "how many of the test images to serve in process, from the first on")
	seed := flag.Uint64("seed", 1, "of the shuffle that splits the validation images")
	flag.Parse()
	if flag.NArg() > 0 {
		usage("unexpected argument %q: only flags are taken (-help lists them)", flag.Arg(0))
	}
	if *batch < 1 {
		usage("-batch %d: use 1 or more", *batch)
	}
	if *count < 1 || *count > 5000 {
		usage("-images %d: use 1 to 5000", *count)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	o := exit.Options{Bound: *bound, Kind: cmp.Or(exit.Kind(*kind), exit.KindMaxProb), Seed: *seed}
	if err := demo(ctx, o, *batch, *count); err != nil {
		log.Fatal(err)
	}
}

// usage ends the program as package flag does for arguments that cannot be.
func usage(format string, args ...any) {
	log.Printf(format, args...)
	os.Exit(2)
}

func demo(ctx context.Context, o exit.Options, batch, count int) error {
	v, err := model.Validation()
	if err != nil {
		return err
	}
	images, err := model.Test()
	if err != nil {
		return err
	}
	begun := time.Now()
	found, err := exit.Search(ctx, v, o)
	if err != nil {
		return err
	}
	fmt.Printf("Fashion-MNIST: %d stages, %d test images; thresholds from %d validation images.\n\n", model.Stages, count, len(v.Labels))
	printSearch(os.Stdout, v, found, o, time.Since(begun))

	r := report{found: found, cost: v.Cost}
	early, full := found.Policies, neverEarly(model.Stages)
	few := model.Images{Pixels: images.Pixels[:count], Labels: images.Labels[:count]}
	show := newProgress(os.Stderr)
	defer show.end()
	for _, run := range []struct {
		what  string
		exits []exit.Policy
		batch int
		into  *tally
	}{
		{"leaving early, one by one", early, 1, &r.early},
		{"leaving early, in batches", early, batch, &r.earlyBatched},
		{"never early, one by one", full, 1, &r.full},
		{"never early, in batches", full, batch, &r.fullBatched},
	} {
		if *run.into, err = serve(ctx, run.exits, few, run.batch, show.begin(run.what, count)); err != nil {
			return fmt.Errorf("%s: %w", run.what, err)
		}
	}
	for k := 1; k < model.Stages; k++ {
		what := fmt.Sprintf("cut after stage s%d", k)
		cut, err := serve(ctx, neverEarly(k), few, batch, show.begin(what, count))
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		r.cut = append(r.cut, cut)
	}
	s, err := serveStream(ctx, early, reachOf(r.early.stats), images, o.Seed, show)
	if err != nil {
		return fmt.Errorf("on VMs and functions: %w", err)
	}
	show.end()
	others, err := s.alternatives(ctx)
	if err != nil {
		return err
	}
	r.print(os.Stdout)
	s.print(os.Stdout, others)
	return nil
}

// firstExits are those that workers begin with; each request brings its own.
func firstExits() []exit.Policy {
	exits := neverEarly(model.Stages)
	for k := range exits[:model.Stages-1] {
		exits[k] = exit.MaxProb(0.9)
	}
	return exits
}

// neverEarly are the exits of the network's first n stages, answering at the last.
func neverEarly(n int) []exit.Policy {
	var exits []exit.Policy
	for range n - 1 {
		exits = append(exits, exit.Never())
	}
	return append(exits, exit.Final())
}
