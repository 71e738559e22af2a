package exit_test

import (
	"context"
	"fmt"

	"github.com/serflow/serflow-go/exit"
)

func ExamplePolicy_Decide() {
	p := exit.MaxProb(0.9)
	var s exit.State
	for _, logits := range [][]float32{{0.1, 0.3, 0.2}, {0, 5, 0}} {
		d := p.Decide(logits, s)
		s = d.State // hand it to the row's next exit
		fmt.Printf("leave %v, class %d, confidence %.2f\n", d.Leave, d.Class, d.Confidence)
	}
	// Output:
	// leave false, class 1, confidence 0.37
	// leave true, class 1, confidence 0.99
}

func ExampleSearch() {
	// Two exits that are both always right; the second stage costs ten times more.
	v := exit.Validation{Logits: make([][]float32, 2), Classes: 2, Cost: []float64{1, 10}}
	for i := range 2000 {
		r := []float32{4, 0}
		if i%2 == 1 {
			r = []float32{0, 4}
		}
		v.Labels = append(v.Labels, i%2)
		v.Logits[0] = append(v.Logits[0], r...)
		v.Logits[1] = append(v.Logits[1], r...)
	}
	r, err := exit.Search(context.Background(), v, exit.Options{Bound: 0.5, Seed: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("cost %g instead of %g; at most %.2f points lost\n", r.Cost, r.FullCost, r.LostUpper)
	fmt.Println(r.Policies[0].Kind, r.Policies[1].Kind, r.ExitShare)
	// Output:
	// cost 1 instead of 11; at most 0.46 points lost
	// maxprob final [1 0]
}
