package balancer_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/serflow/serflow-go/balancer"
)

// describe is a step in a line.
func describe(s balancer.Step) string {
	text := ""
	for _, attempt := range s.Cancel {
		if attempt > 0 {
			text += fmt.Sprintf("cancel %d ", attempt)
		}
	}
	if s.Send {
		text += fmt.Sprintf("send %d stage %d to %d", s.Attempt, s.Stage, s.Place.ID())
	}
	if s.Finish {
		text += fmt.Sprintf("finish %d %v", s.Exit, s.Err)
	}
	return text
}

func TestFromVMToFunctionToExit(t *testing.T) {
	b := with(t, 7, vm(1, 0, 1, 1, 10*ms), function(2, 2, 3, 0, 30*ms))
	r := balancer.NewRequest(b, 0, balancer.Rules{Stages: 4}, 100*ms)
	want(t, "start", describe(r.Start(0, 0)), "send 1 stage 0 to 1")
	want(t, "woken at three times the longest", r.Wake(), 30*ms)
	want(t, "too early", describe(r.Tick(29*ms, 0)), "")
	want(t, "past its group", describe(r.Reply(20*ms, 1, balancer.Reply{Outcome: balancer.Passed, Stage: 2}, 0)), "send 2 stage 2 to 2")
	want(t, "woken at the deadline", r.Wake(), 100*ms)
	want(t, "a late reply", describe(r.Reply(21*ms, 1, balancer.Reply{Outcome: balancer.Exited, Stage: 1}, 0)), "")
	want(t, "exit", describe(r.Reply(60*ms, 2, balancer.Reply{Outcome: balancer.Exited, Stage: 3}, 0)), "finish 3 <nil>")
	want(t, "again", describe(r.Reply(60*ms, 2, balancer.Reply{Outcome: balancer.Exited, Stage: 3}, 0)), "")
	want(t, "over", fmt.Sprint(describe(r.Tick(time.Hour, 0)), describe(r.GiveUp(errors.New("gone"))), describe(r.Start(0, 0)), r.Wake() == balancer.Never), "true")
	want(t, "hands", b.Serving(1)+b.Serving(2), 0)
}

func TestElsewhere(t *testing.T) {
	broken := errors.New("connection reset")
	for name, c := range map[string]struct {
		reply balancer.Reply
		want  string
	}{
		"failed":                 {balancer.Reply{Outcome: balancer.Failed, Err: broken}, "send 2 stage 0 to 2"},
		"full":                   {balancer.Reply{Outcome: balancer.Refused, Err: broken}, "send 2 stage 0 to 2"},
		"handed back unserved":   {balancer.Reply{Outcome: balancer.Passed, Stage: 0}, "send 2 stage 0 to 2"},
		"handed back in between": {balancer.Reply{Outcome: balancer.Passed, Stage: 1}, "send 2 stage 1 to 2"},
		"not its stage":          {balancer.Reply{Outcome: balancer.Exited, Stage: 2}, "send 2 stage 0 to 2"},
		"past the model":         {balancer.Reply{Outcome: balancer.Passed, Stage: 3}, "send 2 stage 0 to 2"},
		"backwards":              {balancer.Reply{Outcome: balancer.Passed, Stage: -1}, "send 2 stage 0 to 2"},
		"unknown":                {balancer.Reply{Outcome: 99}, "send 2 stage 0 to 2"},
		"the request's fault":    {balancer.Reply{Outcome: balancer.Invalid, Err: broken}, "finish -1 refused as invalid: connection reset"},
	} {
		b := with(t, 1, vm(1, 0, 1, 1, 10*ms), function(2, 0, 1, 0, 10*ms))
		r := balancer.NewRequest(b, 0, balancer.Rules{Stages: 3}, balancer.Never)
		r.Start(0, 0)
		want(t, name, describe(r.Reply(ms, 1, c.reply, 0)), c.want)
	}
}

// A function that has failed a request does not get it again as long as there is another place that
// may be in time: neither if the request was to begin on a function, nor if a VM has handed it back.
func TestNotToTheBrokenFunctionAgain(t *testing.T) {
	failed, back := balancer.Reply{Outcome: balancer.Failed}, balancer.Reply{Outcome: balancer.Passed}
	other := vm(3, 0, 0, 1, 10*ms)
	slow := vm(3, 0, 0, 1, time.Second)
	slow.Soonest = []time.Duration{time.Second}
	for name, c := range map[string]struct {
		members []balancer.Member
		first   bool // on a function
		replies []balancer.Reply
		want    []uint64
	}{
		"on a function first":           {[]balancer.Member{other}, true, []balancer.Reply{failed, failed, failed, failed}, []uint64{2, 3, 2, 2, 2}},
		"handed back, then failed":      {[]balancer.Member{vm(1, 0, 0, 1, ms), other}, false, []balancer.Reply{back, failed}, []uint64{1, 2, 3}},
		"nothing else would be in time": {[]balancer.Member{slow}, true, []balancer.Reply{failed}, []uint64{2, 2}},
	} {
		b := with(t, 0, append(c.members, function(2, 0, 0, 0, 10*ms))...)
		r := balancer.NewRequest(b, 0, balancer.Rules{Stages: 1, Functions: c.first}, 500*ms)
		s := r.Start(0, 0)
		got := []uint64{s.Place.ID()}
		for _, reply := range c.replies {
			if s = r.Reply(0, s.Attempt, reply, 0); s.Send {
				got = append(got, s.Place.ID())
			}
		}
		want(t, name, got, c.want)
	}
}

// What a place has done up to the end of its part tells how long it takes; what it hands
// back on the way, only how much it has to do; and what it fails, neither: else a place that
// is broken would seem fast and empty, and get still more.
func TestWhatRepliesTeach(t *testing.T) {
	const load, both = "load", "service and load"
	for name, c := range map[string]struct {
		reply balancer.Reply
		want  string
	}{
		"left at an exit":        {balancer.Reply{Outcome: balancer.Exited, Stage: 1}, both},
		"passed on":              {balancer.Reply{Outcome: balancer.Passed, Stage: 2}, both},
		"handed back on the way": {balancer.Reply{Outcome: balancer.Passed, Stage: 1}, load},
		"failed":                 {balancer.Reply{Outcome: balancer.Failed}, ""},
		"refused":                {balancer.Reply{Outcome: balancer.Refused}, ""},
		"invalid":                {balancer.Reply{Outcome: balancer.Invalid}, ""},
		"unknown":                {balancer.Reply{Outcome: 99, Stage: 1}, ""},
		"another's exit":         {balancer.Reply{Outcome: balancer.Exited, Stage: 2}, ""},
		"an exit before it":      {balancer.Reply{Outcome: balancer.Exited, Stage: -1}, ""},
		"passed back":            {balancer.Reply{Outcome: balancer.Passed, Stage: -1}, ""},
		"passed past the next":   {balancer.Reply{Outcome: balancer.Passed, Stage: 3}, ""},
	} {
		b := with(t, 0, vm(1, 0, 1, 1, 30*ms), vm(2, 2, 3, 1, 30*ms))
		for range 50 {
			r := balancer.NewRequest(b, 0, balancer.Rules{Stages: 4, Tries: 1}, balancer.Never)
			r.Start(0, 0)
			c.reply.Service, c.reply.Load = ms, 2
			r.Reply(ms, 1, c.reply, 0)
			r.GiveUp(nil)
		}
		_, p := pick(b, balancer.Ask{Remaining: time.Second})
		finish := map[string]time.Duration{"": 30 * ms, load: 3 * 30 * ms, both: 3 * ms}[c.want]
		if p.Finish < finish || p.Finish > finish*6/5 {
			t.Errorf("%s: taken to finish in %v, want %v", name, p.Finish, finish)
		}
	}
}

// What a VM hands back as late goes to a function, though another VM seems to be in time.
func TestHandedBackAsLate(t *testing.T) {
	for stage, what := range []string{"before it has run", "at a boundary"} {
		b := with(t, 0, vm(1, 0, 1, 1, 10*ms), vm(2, 0, 1, 1, 10*ms), function(3, 0, 1, 0, 30*ms))
		r := balancer.NewRequest(b, 0, balancer.Rules{Stages: 2}, 100*ms)
		r.Start(0, 0)
		s := r.Reply(60*ms, 1, balancer.Reply{Outcome: balancer.Passed, Stage: stage}, 0)
		want(t, what, describe(s), fmt.Sprintf("send 2 stage %d to 3", stage))
	}
}

// A VM is told to keep what another has handed back if all functions are at their limits: it would
// only come back once more. Where there are none it is not told so.
func TestKeptWhereFunctionsAreFull(t *testing.T) {
	for _, functions := range []bool{true, false} {
		b := with(t, 1, vm(1, 0, 0, 1, 10*ms), vm(2, 0, 0, 1, 10*ms))
		if functions {
			if err := b.Join(function(3, 0, 0, 1, 30*ms), 1); err != nil {
				t.Fatal(err)
			}
			r := balancer.NewRequest(b, 0, balancer.Rules{Stages: 1, Functions: true}, time.Second)
			want(t, "the function is full", describe(r.Start(0, 0)), "send 1 stage 0 to 3")
		}
		r := balancer.NewRequest(b, 0, balancer.Rules{Stages: 1}, 100*ms)
		r.Start(0, 0)
		s := r.Reply(60*ms, 1, balancer.Reply{Outcome: balancer.Passed, Stage: 0}, 0)
		want(t, "to a VM", []any{s.Send, s.Place.Kind()}, []any{true, balancer.VM})
		want(t, "kept", s.Keep, functions)
	}
}

func TestGivesUp(t *testing.T) {
	broken := errors.New("connection reset")
	failed := balancer.Reply{Outcome: balancer.Failed, Err: broken}
	b := with(t, 1, vm(1, 0, 0, 1, 10*ms))
	r := balancer.NewRequest(b, 0, balancer.Rules{Stages: 1, Tries: 2}, balancer.Never)
	r.Start(0, 0)
	want(t, "the only place, again", describe(r.Reply(1*ms, 1, failed, 0)), "send 2 stage 0 to 1")
	want(t, "tried enough", describe(r.Reply(2*ms, 2, failed, 0)), "finish -1 failed at every place tried: connection reset")

	r = balancer.NewRequest(b, 0, balancer.Rules{Stages: 1}, balancer.Never)
	r.Start(0, 0)
	b.Leave(1)
	want(t, "nobody is left", describe(r.Reply(ms, 1, failed, 0)), "finish -1 no place to run the stage; before that: connection reset")

	r = balancer.NewRequest(b, 0, balancer.Rules{Stages: 1}, balancer.Never)
	want(t, "nobody was there", describe(r.Start(0, 0)), "finish -1 no place to run the stage")
	r = balancer.NewRequest(b, 0, balancer.Rules{Stages: 1}, 5)
	want(t, "too late to start", describe(r.Start(5, 0)), "finish -1 deadline exceeded")
}

func TestTimeOut(t *testing.T) {
	b := with(t, 1, vm(1, 0, 0, 1, 10*ms), function(2, 0, 0, 0, 30*ms))
	r := balancer.NewRequest(b, 0, balancer.Rules{Stages: 1}, 120*ms)
	r.Start(0, 0)
	want(t, "no reply", describe(r.Tick(r.Wake(), 0)), "cancel 1 send 2 stage 0 to 2")
	want(t, "a function's", r.Wake(), 120*ms)
	want(t, "nor there", describe(r.Tick(r.Wake(), 0)), "cancel 2 finish -1 deadline exceeded; before that: no reply within 30ms")
	want(t, "hands", b.Serving(1)+b.Serving(2), 0)

	slow := function(3, 0, 0, 0, 30*ms)
	slow.Cold, slow.Longest, slow.Travel = time.Second, []time.Duration{50 * ms}, 5*ms
	r = balancer.NewRequest(with(t, 0, slow), 0, balancer.Rules{Stages: 1}, balancer.Never)
	r.Start(0, 0)
	want(t, "a cold start is waited for", r.Wake(), time.Second+165*ms)

	endless := balancer.NewRequest(b, 0, balancer.Rules{Stages: 1, Patience: 1e300, Floor: balancer.Never}, balancer.Never)
	endless.Start(time.Hour, 0)
	want(t, "patience without end", endless.Wake() > 24*365*time.Hour, true)
	endless.GiveUp(errors.New("gone"))

	r = balancer.NewRequest(b, 0, balancer.Rules{Stages: 1}, balancer.Never)
	r.Start(0, 0)
	want(t, "the caller has gone", describe(r.GiveUp(errors.New("gone"))), "cancel 1 finish -1 gone")
	r = balancer.NewRequest(b, 0, balancer.Rules{Stages: 1}, balancer.Never)
	r.Start(0, 0)
	want(t, "and does not say why", describe(r.GiveUp(nil)), "cancel 1 finish -1 no reason was given")
	want(t, "hands", b.Serving(1), 0)
}

// Whatever replies come, late, twice or out of order, and whoever joins or leaves, a
// request ends once, is in one place at a time, or two if it is hedged, and nobody keeps it in hand.
func TestRequestAgainstChaos(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const stages = 3
		b := balancer.New()
		join := func(id uint64) {
			first := int(id) % stages
			m := vm(id, first, min(first+int(id)%2+1, stages-1), 1+int(id)%3, time.Duration(1+id)*ms)
			m.Service = m.Service[:m.Stages.Len()]
			if id%4 == 0 {
				m.Kind = balancer.Function
			}
			if err := b.Join(m, id%2); err != nil {
				t.Fatal(err)
			}
		}
		const members = 12
		for id := range uint64(members) {
			join(id + 1)
		}
		deadline := balancer.Never
		if rapid.Bool().Draw(t, "has a deadline") {
			deadline = time.Duration(rapid.IntRange(0, 200).Draw(t, "deadline")) * ms
		}
		generation := rapid.Uint64Range(0, 1).Draw(t, "generation")
		b.Publish(generation)
		r := balancer.NewRequest(b, 0, balancer.Rules{Stages: stages, Tries: rapid.IntRange(0, 4).Draw(t, "tries")}, deadline)

		now, ends, last, stage := time.Duration(0), 0, uint32(0), 0
		flying := map[uint32]uint64{} // attempts, and where they are
		take := func(s balancer.Step) {
			if ends > 0 && s != (balancer.Step{}) {
				t.Fatalf("after the end: %s", describe(s))
			}
			for _, attempt := range s.Cancel {
				if _, ok := flying[attempt]; attempt > 0 && !ok {
					t.Fatalf("cancels %d, %v are on their way", attempt, flying)
				}
				delete(flying, attempt)
			}
			if s.Send {
				if s.Hedge != (len(flying) == 1) || len(flying) > 1 || s.Attempt != last+1 || s.Stage < stage || s.Finish {
					t.Fatalf("%s; %v are on their way, at stage %d", describe(s), flying, stage)
				}
				if !s.Place.Stages().Has(s.Stage) || s.Place.ID()%2 != generation || now >= deadline {
					t.Fatalf("%s at %v: not a place of generation %d for it", describe(s), now, generation)
				}
				for _, id := range flying {
					if id == s.Place.ID() {
						t.Fatalf("%s, where it is already", describe(s))
					}
				}
				flying[s.Attempt], last, stage = s.Place.ID(), s.Attempt, s.Stage
			}
			if s.Finish {
				ends++
				if len(flying) != 0 || (s.Err == nil) != (s.Exit >= 0) {
					t.Fatalf("%s; %v are on their way", describe(s), flying)
				}
			}
		}
		b.Publish(2) // the request goes on in the generation that it began in
		random := func() uint64 { return rapid.Uint64().Draw(t, "random") }
		take(r.Start(now, random()))
		for range rapid.IntRange(0, 60).Draw(t, "events") {
			now += time.Duration(rapid.IntRange(0, 20).Draw(t, "time")) * ms
			switch rapid.IntRange(0, 7).Draw(t, "event") {
			case 0, 1, 2:
				attempt := rapid.Uint32Range(0, last+1).Draw(t, "attempt")
				reply := balancer.Reply{
					Outcome: balancer.Outcome(rapid.IntRange(0, 5).Draw(t, "outcome")),
					Stage:   rapid.IntRange(-1, stages).Draw(t, "stage"),
					Service: time.Duration(rapid.IntRange(0, 30).Draw(t, "service")) * ms,
					Load:    rapid.IntRange(-1, 9).Draw(t, "load"),
					Err:     errors.New("broken"),
				}
				delete(flying, attempt)
				take(r.Reply(now, attempt, reply, random()))
			case 3:
				take(r.Tick(now, random()))
			case 4:
				now = max(now, min(r.Wake(), now+time.Second))
				take(r.Tick(now, random()))
			case 5:
				b.Drain(rapid.Uint64Range(1, members).Draw(t, "member"))
			case 6:
				b.Leave(rapid.Uint64Range(1, members).Draw(t, "member"))
			case 7:
				join(rapid.Uint64Range(1, members).Draw(t, "member"))
			}
		}
		if _, ok := b.Retire(generation); ok != (ends == 1) {
			t.Fatalf("generation %d retired: %v, when %d of its one request has ended", generation, ok, ends)
		}
		take(r.GiveUp(errors.New("gone")))
		serving := 0
		for id := range uint64(members) {
			serving += b.Serving(id + 1)
		}
		if ends != 1 || serving != 0 || r.Wake() != balancer.Never {
			t.Fatalf("ended %d times; %d in hand; wake %v", ends, serving, r.Wake())
		}
	})
}

func ExampleRequest() {
	b := balancer.New()
	for _, m := range []balancer.Member{vm(1, 0, 1, 2, 10*ms), function(2, 2, 3, 0, 40*ms)} {
		if err := b.Join(m, 1); err != nil {
			fmt.Println(err)
		}
	}
	b.Publish(1)
	r := balancer.NewRequest(b, 0, balancer.Rules{Stages: 4}, 300*ms)
	s := r.Start(0, 0)
	fmt.Printf("to %d from stage %d with %v left\n", s.Place.ID(), s.Stage, s.Remaining)
	s = r.Reply(12*ms, s.Attempt, balancer.Reply{Outcome: balancer.Passed, Stage: 2, Service: 10 * ms}, 0)
	fmt.Printf("to %d from stage %d with %v left\n", s.Place.ID(), s.Stage, s.Remaining)
	s = r.Reply(60*ms, s.Attempt, balancer.Reply{Outcome: balancer.Exited, Stage: 3, Service: 40 * ms}, 0)
	fmt.Printf("answered by exit %d\n", s.Exit)
	// Output:
	// to 1 from stage 0 with 300ms left
	// to 2 from stage 2 with 288ms left
	// answered by exit 3
}
