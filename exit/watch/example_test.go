package watch_test

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/exit/watch"
)

func ExampleWatch() {
	policies := []exit.Policy{exit.MaxProb(0.9), exit.Final()}
	w, err := watch.New(watch.Config{
		Rungs: watch.Ladder(policies),
		// Of 10,000 validation rows 6,000 left at the first exit, 5,900 of them with the last one's class.
		Reference: []exit.Tally{{Left: 6000, Agree: 5900}, {Left: 4000, Agree: 4000}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	random := rand.New(rand.NewPCG(1, 1))
	for second := range 100_000 {
		if !w.Sampled(random.Float64()) { // asked before the request is sent
			continue
		}
		// The first exit is sure of itself, and wrong: the last one says otherwise. What they say
		// comes from w.Asked()[k].Decide and watch.Saw.
		seen := []watch.Seen{{Class: 3, Score: 0.93}, {Class: 5, Score: 0.8}}
		if w.Observe(time.Duration(second)*time.Second, seen) {
			fmt.Println("rung", w.Rung(), w.Policies()[0].Kind, w.Policies()[0].Threshold)
			break
		}
	}
	r := w.Report(0)
	fmt.Printf("%d of %d agree at the first exit, at most %.0f %%\n", r.Exits[0].Agree, r.Exits[0].Left, 100*r.Exits[0].High)
	// Output:
	// rung 1 maxprob 0.95
	// 0 of 8 agree at the first exit, at most 32 %
}
