package estimate_test

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/serflow/serflow-go/provisioner/estimate"
)

func ExampleMoving() {
	var m estimate.Moving
	m.Observe(estimate.Counts{First: 1_700_000_000, Each: []int{10, 20, 10}})
	fmt.Printf("%.1f±%.1f requests per second\n", m.Mean(), m.Deviation())

	memory, _ := json.Marshal(&m) // a restart takes it up with json.Unmarshal
	fmt.Println(string(memory))
	// Output:
	// 11.6±2.0 requests per second
	// {"next":1700000003,"known":3,"mean":11.6,"deviation":2}
}

func ExampleForecast() {
	var f estimate.Forecast
	for s := range int64(600) {
		f.Observe(estimate.Counts{First: s, Each: []int{48 + int(s%5)}}, time.Minute)
	}
	later := f.Later() // when a VM that is ordered now has booted
	fmt.Printf("%.0f requests per second, between %.0f and %.0f\n", later.Mean(), later[0], later[15])
	// Output:
	// 50 requests per second, between 47 and 53
}
