package profile

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

const measuredOnce = `{"version":1,"fingerprint":"5d41","stages":["a","b"],"bytes":{"into":[1,2],"answer":3},"offers":{"vm":{
	"measured":"2026-11-24T17:00:00Z","slots":2,"boot":"30s","way":"1ms","memoryMB":200,"times":[
	{"stage":"a","batches":[{"rows":1,"samples":"3ms 1ms"},{"rows":4,"samples":"8ms"}]},
	{"stage":"b","batches":[{"rows":1,"samples":"5ms"}]}]}}}`

func TestDocumentMerge(t *testing.T) {
	d := read(t, measuredOnce)
	other := read(t, `{"version":1,"model":"m","stages":["a","b"],"reach":{"shares":[1,0.5],"from":"validation"},"offers":{
		"fn":{"times":[{"mean":"9ms"}]},
		"vm":{"measured":"2026-11-24T16:00:00Z","boot":"40s","way":"2ms","overhead":"1ms","times":[
			{"stage":"a","batches":[{"rows":1,"samples":"2ms"},{"rows":2,"samples":"4ms"}]}]}}}`)
	before := read(t, measuredOnce)
	for _, pair := range [][2]*Document{{d, other}, {other, d}} {
		m, err := pair[0].Merge(pair[1])
		if err != nil {
			t.Fatal(err)
		}
		vm := m.Offers["vm"]
		p, err := m.Profile("vm")
		if err != nil {
			t.Fatal(err)
		}
		if p.Mean(0, 1) != 2*ms || p.Mean(0, 2) != 4*ms || p.Mean(0, 4) != 8*ms || p.Mean(1, 1) != 5*ms || vm.Boot.Mean() != 35*time.Second {
			t.Errorf("samples are not all there: %+v", vm)
		}
		if vm.Measured.Hour() != 17 || vm.Way != Duration(ms) || vm.Overhead != Duration(ms) || vm.Slots != 2 || vm.MemoryMB != 200 {
			t.Errorf("not the numbers of the last measurement: %+v", vm)
		}
		if m.Model != "m" || m.Fingerprint != "5d41" || m.Reach == nil || m.Bytes == nil || m.Offers["fn"] == nil {
			t.Errorf("%+v", m)
		}
	}
	if !reflect.DeepEqual(d, before) {
		t.Error("what was merged has changed")
	}
	if m, err := d.Merge(nil); err != nil || m != d {
		t.Errorf("with none: %v", err)
	}
}

// What was measured replaces what was written by hand, and not the other way round.
func TestDocumentMergeByHand(t *testing.T) {
	d := read(t, measuredOnce)
	hand := read(t, `{"version":1,"stages":["a","b"],"offers":{"vm":{"times":[{"stage":"a","mean":"7ms","gain":2}]}}}`)
	for _, pair := range [][2]*Document{{d, hand}, {hand, d}} {
		m, err := pair[0].Merge(pair[1])
		if err != nil || !m.Has("vm", 1) {
			t.Errorf("%+v, %v", m, err)
		}
	}
}

func TestDocumentMergeRefuses(t *testing.T) {
	d := read(t, measuredOnce)
	for name, c := range map[string]struct{ from, to, says string }{
		"another model":           {"5d41", "7b0c", "fingerprint: one is of model 5d41 and one of 7b0c"},
		"other stages":            {`["a","b"]`, `["a","b","c"]`, `stages: ["a" "b"] and ["a" "b" "c"]`},
		"another number of slots": {`"slots":2`, `"slots":4`, `offer "vm", slots: 2 and 4`},
	} {
		other := strings.Replace(measuredOnce, c.from, c.to, 1)
		other = strings.Replace(other, `"bytes":{"into":[1,2],"answer":3},`, "", 1)
		if m, err := d.Merge(read(t, other)); m != nil || !errors.Is(err, ErrProfile) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
	hand := func(mean string) *Document {
		return read(t, `{"version":1,"stages":["a"],"offers":{"vm":{"times":[{"stage":"a","mean":"`+mean+`"}]}}}`)
	}
	if _, err := hand("1ms").Merge(hand("2ms")); !errors.Is(err, ErrProfile) || !strings.Contains(err.Error(), `offer "vm", stage "a", times: both are by hand`) {
		t.Errorf("two by hand: %v", err)
	}
	if _, err := hand("1ms").Merge(hand("1ms")); err != nil {
		t.Errorf("twice the same: %v", err)
	}
	if _, err := d.Merge(&Document{}); !errors.Is(err, ErrProfile) {
		t.Errorf("with an empty one: %v", err)
	}
}
