package profile_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/serflow/serflow-go/provisioner/profile"
)

func ExampleRead() {
	file := `{"model": "5d41", "offer": "c7i.large", "stages": [[
		{"rows": 1, "nanoseconds": [2000000, 2200000, 4200000]},
		{"rows": 8, "nanoseconds": [9800000]}]]}`
	p, err := profile.Read(strings.NewReader(file), "5d41")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("one row:", p.Mean(0, 1), "in the mean,", p.Quantile(0, 1, 0.99), "at p99")
	fmt.Println("four rows:", p.Mean(0, 4))

	_, err = profile.Read(strings.NewReader(file), "7b0c")
	fmt.Println(err)
	// Output:
	// one row: 2.8ms in the mean, 4.2ms at p99
	// four rows: 5.8ms
	// bad profile: it was measured on model "5d41", and this is "7b0c": measure this one
}

func ExampleBatchGain() {
	single, err := profile.Exponential([]time.Duration{10 * time.Millisecond})
	if err != nil {
		fmt.Println(err)
		return
	}
	times, err := profile.BatchGain(single, 1.25) // 16 rows together take 16/1.25 = 12.8 times as long as one
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(times.Mean(0, 1), times.Mean(0, 16))
	// Output:
	// 10ms 128ms
}
