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

// A document by hand: four stages of 45 ms on a VM, with a batch gain of 1.4 at 16 rows.
func ExampleReadDocument() {
	d, err := profile.ReadDocument(strings.NewReader(`{
		"version": 1,
		"stages": ["s1", "s2", "s3", "s4"],
		"reach": {"shares": [1, 0.5, 0.3, 0.2], "from": "by hand"},
		"offers": {"4-vCPU VM": {"boot": "40s", "times": [{"mean": "45ms", "gain": 1.4}]}}
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := d.Profile("4-vCPU VM") // for serflow.Times; planner.AskOf takes the document itself
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("stage s3:", p.Mean(2, 1), "for a row,", p.Mean(2, 16).Round(time.Millisecond), "for 16")

	_, err = profile.ReadDocument(strings.NewReader(`{"version": 1, "stages": ["s1"], "offers": {"VM": {"times": [{"mean": "45ms", "p99": "40ms"}]}}}`))
	fmt.Println(err)
	// Output:
	// stage s3: 45ms for a row, 514ms for 16
	// bad profile: offer "VM", batches of 1 rows, p99: 40ms does not go with the others: give one from 45ms to 834ms, leave it out, or give samples
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
