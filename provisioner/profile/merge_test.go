package profile

import (
	"errors"
	"reflect"
	"testing"
	"time"
)

func TestMerge(t *testing.T) {
	must := func(model, offer string, stages ...[]Batch) *Profile {
		p, err := New(model, offer, stages)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	ones := func(samples ...time.Duration) Batch { return Batch{1, samples} }
	a := must("m", "o", []Batch{ones(1, 4), {4, []time.Duration{8}}}, []Batch{ones(3)})
	b := must("m", "o", []Batch{ones(2), {2, []time.Duration{5}}, {4, []time.Duration{6}}}, []Batch{ones(3)})
	want := must("m", "o", []Batch{ones(1, 2, 4), {2, []time.Duration{5}}, {4, []time.Duration{6, 8}}}, []Batch{ones(3, 3)})
	for _, pair := range [][2]*Profile{{a, b}, {b, a}} {
		if got, err := pair[0].Merge(pair[1]); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
	}
	if got, err := a.Merge(nil); err != nil || got != a {
		t.Errorf("with none: %+v, %v", got, err)
	}
	for name, other := range map[string]*Profile{
		"model":  must("n", "o", []Batch{ones(1)}, []Batch{ones(1)}),
		"offer":  must("m", "p", []Batch{ones(1)}, []Batch{ones(1)}),
		"stages": must("m", "o", []Batch{ones(1)}),
	} {
		if got, err := a.Merge(other); !errors.Is(err, ErrProfile) {
			t.Errorf("another %s: %+v, %v", name, got, err)
		}
	}
}
