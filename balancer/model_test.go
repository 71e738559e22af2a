package balancer_test

import (
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
		describe := func(id uint64) balancer.Member {
			first := int(id % 3)
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
				if err := b.Join(describe(id), generation); err != nil {
					t.Fatal(err)
				}
				if members[id] == nil {
					members[id] = &known{Member: describe(id), generations: map[uint64]bool{}}
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
			case 4, 5:
				if len(out) > 0 {
					i := rapid.IntRange(0, len(out)-1).Draw(t, "done")
					b.Done(out[i].Place, out[i].Stages().First, ms, rapid.IntRange(0, 9).Draw(t, "load"))
					out[i].in.serving--
					out = append(out[:i], out[i+1:]...)
				}
			default:
				stage := rapid.IntRange(-1, 5).Draw(t, "stage")
				may := func(m *known) bool {
					return m.generations[generation] && m.Stages.Has(stage) && (m.Kind == balancer.VM || m.serving < m.Slots)
				}
				p, ok := b.Pick(balancer.Ask{
					Stage: stage, Generation: generation, Remaining: time.Duration(rapid.IntRange(0, 30).Draw(t, "remaining")) * ms,
					Avoid: rapid.Uint64Range(0, 6).Draw(t, "avoid"), Late: rapid.Bool().Draw(t, "late"), Random: rapid.Uint64().Draw(t, "random"),
					Core: rapid.IntRange(-1, 4).Draw(t, "core"),
				})
				if !ok {
					for id, m := range members {
						if may(m) {
							t.Fatalf("no place for stage %d, though member %d is there", stage, id)
						}
					}
					continue
				}
				m := members[p.ID()]
				if m == nil || !may(m) {
					t.Fatalf("stage %d of generation %d goes to member %d, which may not have it", stage, generation, p.ID())
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
