package depth_test

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/serflow/serflow-go/provisioner/simulate/depth"
)

// Validation rows say which share of requests leaves where, and nothing of runs, since
// they lie in random order. Persistence over 10 requests is supposed, and within an hour
// the inputs become harder.
func Example() {
	recorded, err := depth.NewRecorded(depth.Exits{Model: "5d41", Stages: []int{0, 2, 0, 0, 1, 0, 2, 0, 1, 0}}, "5d41", 3)
	if err != nil {
		fmt.Println(err)
		return
	}
	harder, err := depth.Ramp(recorded.Reach(), []float64{1, 0.8, 0.6}, 0, time.Hour)
	if err != nil {
		fmt.Println(err)
		return
	}
	ranks, err := depth.Persistent(10, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		fmt.Println(err)
		return
	}
	source := depth.New(ranks, harder)
	for _, at := range []time.Duration{0, time.Hour} {
		deep := 0
		for range 500_000 {
			if source.Next(at) == 2 {
				deep++
			}
		}
		fmt.Printf("%.0f %% reach the last stage after %v\n", float64(deep)/5000, at)
	}
	// Output:
	// 20 % reach the last stage after 0s
	// 60 % reach the last stage after 1h0m0s
}

func ExampleRecorded_Blocks() {
	// Exits of a service, in the order in which its requests came.
	recorded, err := depth.NewRecorded(depth.Exits{Model: "5d41", Stages: []int{0, 0, 0, 0, 1, 1, 1, 1}}, "5d41", 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	ranks, err := recorded.Blocks(6, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		fmt.Println(err)
		return
	}
	reach, err := depth.Fixed(recorded.Reach())
	if err != nil {
		fmt.Println(err)
		return
	}
	source := depth.New(ranks, reach)
	for range 20 {
		fmt.Print(source.Next(0), " ")
	}
	// Output:
	// 0 0 0 0 1 1 1 1 1 0 0 0 0 1 1 1 1 0 0 0
}
