package estimate_test

import (
	"encoding/json"
	"testing"

	"github.com/serflow/serflow-go/provisioner/estimate"
)

func TestWindow(t *testing.T) {
	var w estimate.Window
	for s := range int64(70) { // the counts are the seconds
		w.Observe(estimate.Counts{First: s, Each: []int{int(s)}})
	}
	data, err := json.Marshal(&w)
	if err != nil {
		t.Fatal(err)
	}
	var restored estimate.Window
	if err := json.Unmarshal(data, &restored); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		before, seconds int64
		mean            float64
		ok              bool
	}{
		"the last 6 seconds":   {70, 6, 66.5, true}, // 64 to 69
		"the whole minute":     {70, 60, 39.5, true},
		"some have no count":   {73, 6, 68, true}, // 67, 68 and 69
		"all have none":        {3670, 60, 0, false},
		"a clock that is back": {5, 6, 0, false},
	} {
		for _, w := range []*estimate.Window{&w, &restored} {
			if mean, ok := w.Mean(c.before, c.seconds); mean != c.mean || ok != c.ok {
				t.Errorf("%s: %v, %v; want %v, %v", name, mean, ok, c.mean, c.ok)
			}
		}
	}
	w.Observe(estimate.Counts{First: -3600, Each: []int{5}})
	if mean, ok := w.Mean(-3590, 60); mean != 5 || !ok {
		t.Errorf("set back by an hour: %v, %v", mean, ok)
	}
}
