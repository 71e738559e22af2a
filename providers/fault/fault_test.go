package fault_test

import (
	"errors"
	"testing"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/fault"
)

// A fault is at one operation until it is mended, and a later one takes its place.
func TestInjectAndMend(t *testing.T) {
	var s fault.Set
	for _, op := range fault.Ops() {
		for _, k := range fault.Of(op) {
			mend, err := s.Inject(op, k)
			if err != nil {
				t.Fatalf("%s, %s: %v", op, k, err)
			}
			if fails(&s, op) == (op == fault.Launch && k == fault.PartGranted) {
				t.Errorf("%s, %s: fails %v", op, k, fails(&s, op))
			}
			for _, other := range fault.Ops() {
				if other != op && fails(&s, other) {
					t.Errorf("%s fails too", other)
				}
			}
			mend()
			if fails(&s, op) {
				t.Errorf("%s, %s: it is not mended", op, k)
			}
		}
	}
	first, _ := s.Inject(fault.End, fault.Denied)
	second, _ := s.Inject(fault.End, fault.Throttled)
	first()
	if err := s.Before(fault.End); !errors.Is(err, providers.ErrThrottled) {
		t.Errorf("%v: the first has mended the second", err)
	}
	second()
	second()
	if fails(&s, fault.End) {
		t.Error("not mended")
	}
}

func fails(s *fault.Set, op fault.Op) bool {
	return s.Before(op) != nil || s.After(op) != nil || op == fault.Launch && s.Room(1) == 0
}

func TestWhatEachFaultMeans(t *testing.T) {
	for k, want := range map[fault.Kind]error{
		fault.OverQuota: providers.ErrLimit, fault.Throttled: providers.ErrThrottled, fault.Denied: providers.ErrInvalid, fault.Unavailable: providers.ErrUnavailable,
		fault.NoCapacity: nil, fault.PartGranted: nil, fault.AnswerLost: nil,
	} {
		var s fault.Set
		s.Inject(fault.Launch, k)
		if err := s.Before(fault.Launch); !errors.Is(err, want) {
			t.Errorf("%s: %v before it is begun, want %v", k, err, want)
		}
		if err := s.After(fault.Launch); (err != nil) != (k == fault.AnswerLost) || err != nil && providers.Refused(err) {
			t.Errorf("%s: %v after it was done", k, err)
		}
		if room, want := s.Room(3), map[fault.Kind]int{fault.NoCapacity: 0, fault.PartGranted: 2}[k]; room != want && (want != 0 || room != 3) {
			t.Errorf("%s: room for %d of three", k, room)
		}
	}
}

// A fault that cannot be would make a test show nothing.
func TestFaultsThatCannotBe(t *testing.T) {
	var s fault.Set
	for _, c := range []struct {
		op fault.Op
		k  fault.Kind
	}{{fault.Invoke, fault.NoCapacity}, {fault.End, "broken"}, {fault.Launch, ""}, {"start", fault.Denied}, {"", fault.Denied}} {
		if mend, err := s.Inject(c.op, c.k); mend != nil || !errors.Is(err, providers.ErrInvalid) {
			t.Errorf("%q at %q: %v", c.k, c.op, err)
		}
	}
}
