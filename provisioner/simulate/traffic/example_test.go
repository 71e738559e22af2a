package traffic_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
)

func ExampleVarying() {
	r := rand.New(rand.NewPCG(1, 1)) // the same seed, the same arrivals
	s, err := traffic.Varying(traffic.Step(0, 50, time.Hour), 2*time.Hour, r)
	if err != nil {
		fmt.Println(err)
		return
	}
	var perHour [2]int
	for {
		at, err := s.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		perHour[at/time.Hour]++
	}
	fmt.Println(perHour[0], perHour[1] > 178_000 && perHour[1] < 182_000)
	// Output: 0 true
}

func ExampleTrace_Play() {
	trace := traffic.Trace{
		Format: traffic.Timestamps,
		Open: func() (io.ReadCloser, error) { // os.Open, as a rule
			return io.NopCloser(strings.NewReader("TIMESTAMP,Tokens\n2023-11-16 18:15:46.50,374\n2023-11-16 18:15:50.75,396\n")), nil
		},
	}
	s, err := trace.Play(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	for {
		at, err := s.Next()
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(at)
	}
	// Output:
	// 0s
	// 4.25s
	// EOF
}

// Load is asked for in vCPUs of work.
func ExampleTrace_Redraw() {
	trace := traffic.Trace{Open: func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader("second,requests\n0,3\n1,5\n2,1\n3,3\n")), nil
	}}
	summary, err := trace.Measure()
	if err != nil {
		fmt.Println(err)
		return
	}
	const vcpus, cpuSeconds = 8, 0.02 // of work in all, and of work a request
	fmt.Printf("recorded %v a second for %v, played at %v\n", summary.Rate(), summary.Length, vcpus/cpuSeconds)

	s, err := trace.Redraw(vcpus/cpuSeconds, 0, rand.New(rand.NewPCG(1, 1)))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	n := 0
	for ; err == nil; n++ {
		_, err = s.Next()
	}
	fmt.Println(n > 1400 && n < 1800, err)
	// Output:
	// recorded 3 a second for 4s, played at 400
	// true EOF
}
