package brownout_test

import (
	"fmt"
	"time"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/exit/brownout"
)

func ExampleBrownout() {
	b, err := brownout.New(brownout.Config{
		// From exit.Result.Looser and StepsOf, or as here by hand.
		Steps:  []brownout.Step{{Policies: []exit.Policy{exit.MaxProb(0.7), exit.Final()}, Loss: 0.8}},
		Budget: 0.5, // points of accuracy in the mean
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	served := map[int]int{} // requests, by step
	for second := range 1200 {
		now := time.Duration(second) * time.Second
		for range 100 {
			served[b.Take(now)]++
		}
		shed := 0.0
		if second >= 600 && second < 900 {
			shed = 0.1
		}
		if b.Tick(now, shed) {
			fmt.Printf("%v: step %d\n", now, b.Step())
		}
	}
	fmt.Printf("%d requests as usual, %d under step 1\n", served[0], served[1])
	// Output:
	// 10m0s: step 1
	// 16m0s: step 0
	// 84000 requests as usual, 36000 under step 1
}
