package serflow_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"os"
	"time"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/exit/brownout"
	"github.com/serflow/serflow-go/exit/drift"
	"github.com/serflow/serflow-go/exit/watch"
	"github.com/serflow/serflow-go/serflow"
)

// Thresholds change while requests come; those under way keep theirs.
func ExamplePipeline_SetExits() {
	p, err := serflow.Open(context.Background(), rentedModel) // with serflow.On it is the same
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()
	for _, first := range []exit.Policy{exit.MaxProb(0.95), exit.Never()} {
		if err := p.SetExits(first, exit.MaxProb(0.8), exit.Final()); err != nil {
			log.Fatal(err)
		}
		r, err := p.Infer(context.Background(), sampleOf(0))
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("left at exit", r.Exit)
	}
	// Output:
	// left at exit 0
	// left at exit 1
}

// The first exit is sure of class 1, and wrong: the last one says 0. Checking every request finds
// that out after a few; the default is one in a hundred.
func ExampleWatch() {
	p, err := serflow.Open(context.Background(), rentedModel, serflow.Watch(watch.Config{
		// From exit.Replay, of validation rows: where they leave, and how many agree with the last exit.
		Reference: []exit.Tally{{Left: 600, Agree: 597}, {Left: 300, Agree: 299}, {Left: 100, Agree: 100}},
		Bound:     1, // point of all requests
		Share:     1,
	}))
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()
	for !p.Stats().Exits.Watch.Alarmed {
		if _, err := p.Infer(context.Background(), misleading()); err != nil {
			log.Fatal(err)
		}
		time.Sleep(time.Millisecond) // checked beside requests, not before they are answered
	}
	r, err := p.Infer(context.Background(), misleading())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("from now on %s, %s and %s: class %d\n", p.Exits()[0].Kind, p.Exits()[1].Kind, p.Exits()[2].Kind, r.Class)
	// Output: from now on never, never and final: class 0
}

func ExampleDrift() {
	p, err := serflow.Open(context.Background(), rentedModel,
		serflow.Drift(drift.Config{Reference: []float64{0.6, 0.3, 0.1}}), // shares that leave at each stage, of validation rows
		serflow.Log(slog.New(slog.NewTextHandler(os.Stderr, nil))))       // where alarms go, as to Stats and the observer
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()
	d := p.Stats().Exits.Drift
	fmt.Printf("%.0f %% are expected to reach the second stage, %.0f %% the third; %d alarms\n", 100*d.Expected[1], 100*d.Expected[2], len(d.Alarms))
	// Output: 40 % are expected to reach the second stage, 10 % the third; 0 alarms
}

func ExampleBrownout() {
	p, err := serflow.Open(context.Background(), rentedModel, serflow.SLO(300*time.Millisecond), serflow.Brownout(brownout.Config{
		// From brownout.StepsOf(result.Looser(3, 5)) of an exit.Search, or as here by hand.
		Steps:  []brownout.Step{{Policies: []exit.Policy{exit.MaxProb(0.6), exit.MaxProb(0.6), exit.Final()}, Loss: 0.8}},
		Budget: 0.2, // points of accuracy, in the mean of all requests
	}))
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()
	if _, err := p.Infer(context.Background(), sampleOf(0)); err != nil {
		log.Fatal(err)
	}
	b := p.Stats().Exits.Brownout
	fmt.Printf("step %d, %.1f points in the budget\n", b.Step, b.Left)
	// Output: step 0, 0.2 points in the budget
}

// What has been learned outlives a restart.
func ExamplePipeline_SaveExits() {
	option := serflow.Drift(drift.Config{})
	old, err := serflow.Open(context.Background(), rentedModel, option)
	if err != nil {
		log.Fatal(err)
	}
	if err := old.Close(); err != nil {
		log.Fatal(err)
	}
	saved, err := old.SaveExits() // to a file, say
	if err != nil {
		log.Fatal(err)
	}
	p, err := serflow.Open(context.Background(), rentedModel, option)
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()
	fmt.Println(p.RestoreExits(saved))
	// Output: <nil>
}
