package balancer_test

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/serflow/serflow-go/balancer"
)

// known is what a balancer should know of a member.
type known struct {
	balancer.Member
	generations map[uint64]bool // none if it is drained
	serving     int
}

// Whoever joins, drains and leaves: a request goes only to a member of its generation
// that serves its stage, never to one that has been drained or has left, never to a function above
// its limit; a place is found if there is one; and what is in hand is what was picked and is
// not done.
func TestBalancerAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, members := balancer.NewShared(rapid.IntRange(1, 3).Draw(t, "cores")), map[uint64]*known{}
		type hand struct {
			balancer.Place
			in *known // a member that has left and joined again is another
		}
		var out []hand
		now := time.Duration(0)
		describe := func(id, generation uint64) balancer.Member {
			first := int(id % 3)
			if id%2 == 0 { // it serves other stages in the other generation
				first = int((id + generation) % 3)
			}
			m := vm(id, first, first+int(id%2), 1+int(id%4), time.Duration(id)*ms)
			if id%3 == 0 {
				m.Kind = balancer.Function
			}
			return m
		}
		for range rapid.IntRange(1, 80).Draw(t, "events") {
			id, generation := rapid.Uint64Range(1, 6).Draw(t, "member"), rapid.Uint64Range(1, 2).Draw(t, "generation")
			switch rapid.IntRange(0, 9).Draw(t, "event") {
			case 0, 1:
				if err := b.Join(describe(id, generation), generation); err != nil {
					t.Fatal(err)
				}
				if members[id] == nil {
					members[id] = &known{Member: describe(id, generation), generations: map[uint64]bool{}}
				}
				members[id].generations[generation] = true
			case 2:
				b.Drain(id)
				if m := members[id]; m != nil {
					clear(m.generations)
				}
			case 3:
				b.Leave(id)
				delete(members, id)
			case 4, 5, 6:
				if len(out) > 0 {
					i := rapid.IntRange(0, len(out)-1).Draw(t, "done")
					if fault := balancer.Fault(rapid.IntRange(0, 7).Draw(t, "fault")); fault <= balancer.Broken {
						b.Fail(out[i].Place, now, fault)
					} else {
						b.Done(out[i].Place, balancer.Report{
							Entered: out[i].Stages().First, Service: ms, Load: rapid.IntRange(-1, 9).Draw(t, "load"),
							Took: time.Duration(rapid.IntRange(0, 20).Draw(t, "took")) * ms, Passed: rapid.Bool().Draw(t, "passed"),
						})
					}
					out[i].in.serving--
					out = append(out[:i], out[i+1:]...)
				}
			default:
				stage := rapid.IntRange(-1, 5).Draw(t, "stage")
				now += time.Duration(rapid.IntRange(0, 500).Draw(t, "time")) * ms
				ask := balancer.Ask{
					Stage: stage, Generation: generation, Now: now, Remaining: time.Duration(rapid.IntRange(0, 30).Draw(t, "remaining")) * ms,
					Avoid: balancer.Avoid{rapid.Uint64Range(0, 6).Draw(t, "avoid"), rapid.Uint64Range(0, 6).Draw(t, "avoid too")}, Not: rapid.Uint64Range(0, 6).Draw(t, "not"), Late: rapid.Bool().Draw(t, "late"),
					Priority: balancer.Priority(rapid.IntRange(-1, 1).Draw(t, "priority")), Without: balancer.Mechanism(rapid.IntRange(0, 31).Draw(t, "without")),
					Random: rapid.Uint64().Draw(t, "random"), Core: rapid.IntRange(-1, 4).Draw(t, "core"),
				}
				if rapid.Bool().Draw(t, "no deadline") {
					ask.Remaining = balancer.Never
				}
				has := func(id uint64, m *known) bool {
					return m.generations[generation] && describe(id, generation).Stages.Has(stage)
				}
				serves, may := 0, func(id uint64, m *known) bool {
					return has(id, m) && id != ask.Not && (m.Kind == balancer.VM || m.serving < m.Slots)
				}
				p, err := b.Pick(ask)
				for id, m := range members {
					if has(id, m) {
						serves++
					}
					if errors.Is(err, balancer.ErrFull) && may(id, m) && m.Kind == balancer.VM {
						t.Fatalf("all places for stage %d are full, though VM %d is there", stage, id)
					}
				}
				switch {
				case (serves == 0) != errors.Is(err, balancer.ErrNoPlace):
					t.Fatalf("%d members serve stage %d: %v", serves, stage, err)
				case errors.Is(err, balancer.ErrShed) && (ask.Remaining == balancer.Never || ask.Without&balancer.Shedding != 0):
					t.Fatalf("shed with %v left, without %b", ask.Remaining, ask.Without)
				case err != nil:
					continue
				}
				m := members[p.ID()]
				if m == nil || !may(p.ID(), m) {
					t.Fatalf("stage %d of generation %d goes to member %d, which may not have it", stage, generation, p.ID())
				}
				if p.Stages() != describe(p.ID(), generation).Stages {
					t.Fatalf("in generation %d member %d serves %v, want %v", generation, p.ID(), p.Stages(), describe(p.ID(), generation).Stages)
				}
				m.serving++
				out = append(out, hand{p, m})
			}
			for id, m := range members {
				if got := b.Serving(id); got != m.serving {
					t.Fatalf("member %d has %d requests, want %d", id, got, m.serving)
				}
			}
		}
	})
}
