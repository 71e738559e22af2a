package queue_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/serflow/serflow-go/stage/worker/queue"
)

// gains is a curve of up to so many rows, of which the first takes 10 ms and a part of that
// is spent once a batch.
func gains(once float64, rows int) (curve []time.Duration) {
	for n := range rows {
		curve = append(curve, time.Duration(float64(10*ms)*(once+(1-once)*float64(n+1))))
	}
	return curve
}

// steep is a curve like a GPU's, and mild one like a processor's: batches of 16 have 9 times
// and 1.4 times the throughput.
func steep(rows int) []time.Duration { return gains(0.95, rows) }
func mild(rows int) []time.Duration  { return gains(0.305, rows) }

func TestWorth(t *testing.T) {
	for name, c := range map[string]struct {
		curve []time.Duration
		want  int
	}{
		"not known":              {nil, 0},
		"single rows":            {steep(1), 1},
		"flat":                   {gains(0, 16), 1},
		"a little noise":         {[]time.Duration{100, 192, 290, 400}, 1},
		"steep":                  {steep(16), 16},
		"mild":                   {mild(16), 16},
		"no better than half":    {[]time.Duration{10, 12, 18, 24}, 2},
		"better only at the end": {[]time.Duration{10, 20, 30, 30}, 4},
		"worse than alone":       {[]time.Duration{10, 30, 60}, 1},
	} {
		want(t, name, queue.Worth(c.curve), c.want)
	}
	rapid.Check(t, func(t *rapid.T) {
		curve := rapid.SliceOfN(rapid.Map(rapid.Int64Range(1, 1e6), func(ns int64) time.Duration { return time.Duration(ns) }), 1, 20).Draw(t, "curve")
		n := queue.Worth(curve)
		if n < 1 || n > len(curve) || queue.Worth(curve[:n]) != n {
			t.Fatalf("%d of %d, and %d of those", n, len(curve), queue.Worth(curve[:n]))
		}
	})
}

// crowd has so many rows come to a stage, one every so often, and leave again.
func crowd(t *testing.T, q *queue.Queue, now time.Duration, stage, rows int, every time.Duration) time.Duration {
	t.Helper()
	for range rows {
		now += every
		for _, ticket := range add(t, q, now, row(0, stage, stage, queue.Never)) {
			q.Cancel(ticket)
		}
	}
	return now
}

// crowded is a worker of one slot that has long had no slot free for the rows that came to a
// stage, one every so often, and has now.
func crowded(t *testing.T, c queue.Config, stage int, every time.Duration) (*queue.Queue, time.Duration) {
	t.Helper()
	q := open(t, c)
	add(t, q, 0, row(0, stage, stage, queue.Never))
	want(t, "begun", next(q, 0), fmt.Sprintf("0:%d[0]", stage))
	now := crowd(t, q, 0, stage, 200, every)
	done(t, q, now, true)
	return q, now
}

func done(t *testing.T, q *queue.Queue, now time.Duration, exited ...bool) {
	t.Helper()
	if _, err := q.Done(now, 0, exited, nil); err != nil {
		t.Fatal(err)
	}
}

func waiting(n int, deadline time.Duration) (rows []queue.Row) {
	for id := range n {
		rows = append(rows, row(uint64(id+1), 0, 0, deadline))
	}
	return rows
}

// A batch grows by a row as long as those left behind gain more than those in it lose.
func TestFill(t *testing.T) {
	for name, c := range map[string]struct {
		curve []time.Duration
		slots int
		rows  int
		want  string
	}{
		"a second row costs the first little":           {steep(4), 1, 2, "0:0[1 2]"},
		"and four cost little":                          {steep(4), 1, 5, "0:0[1 2 3 4]"},
		"it costs 6.95 ms and saves one row 3.05":       {mild(4), 1, 2, "0:0[1]"},
		"it saves three rows 3.05 ms each":              {mild(4), 1, 4, "0:0[1 2]"},
		"many rows are worth the largest batch":         {mild(4), 1, 30, "0:0[1 2 3 4]"},
		"nothing is saved":                              {gains(0, 4), 1, 30, "0:0[1]"},
		"another slot is free for the second":           {steep(4), 2, 2, "0:0[1]"},
		"the other slot takes one, the other two share": {steep(4), 2, 3, "0:0[1 2]"},
	} {
		q := open(t, queue.Config{Stages: 1, Slots: c.slots, MaxBatch: 4, Curve: [][]time.Duration{c.curve}})
		add(t, q, 0, waiting(c.rows, queue.Never)...)
		want(t, name, next(q, 0), c.want)
	}
	q, now := crowded(t, queue.Config{Stages: 1, MaxBatch: 4, Curve: [][]time.Duration{mild(4)}}, 0, ms)
	add(t, q, now, waiting(4, queue.Never)...)
	want(t, "a crowded worker", next(q, now), "0:0[1 2 3 4]")
}

// A batch ends before it makes its tightest row late, unless that costs other rows more.
func TestFillKeepsDeadlines(t *testing.T) {
	for name, c := range map[string]struct {
		curve []time.Duration
		left  time.Duration
		want  string
	}{
		"mild, three take 23.9 ms":   {mild(4), 20 * ms, "0:0[1 2]"},
		"mild, two take 16.95 ms":    {mild(4), 15 * ms, "0:0[1]"},
		"never less than one":        {mild(4), 1 * ms, "0:0[1]"},
		"mild, with time":            {mild(4), 40 * ms, "0:0[1 2 3 4]"},
		"steep, one batch more is 9": {steep(4), 10400 * time.Microsecond, "0:0[1 2 3 4]"},
	} {
		q, now := crowded(t, queue.Config{Stages: 1, MaxBatch: 4, Curve: [][]time.Duration{c.curve}}, 0, ms)
		rows := waiting(4, now+time.Second)
		rows[0].Deadline = now + c.left
		add(t, q, now, rows...)
		want(t, name, next(q, now), c.want)
	}
	q := open(t, queue.Config{Stages: 1, MaxBatch: 4, Curve: [][]time.Duration{steep(4)}})
	add(t, q, 0, row(1, 0, 0, 10400*time.Microsecond), row(2, 0, 0, time.Second))
	want(t, "steep, and nobody needs the slot", next(q, 0), "0:0[1]")
}

// A crowded worker waits for company that comes soon: 95 % of 9.5 ms for one row, half as long
// for two. Rows come once in a millisecond.
func TestCompany(t *testing.T) {
	busy := queue.Config{Stages: 1, MaxBatch: 4, Curve: [][]time.Duration{steep(4)}}
	q, now := crowded(t, busy, 0, ms)
	add(t, q, now+ms, row(1, 0, 0, queue.Never))
	want(t, "the first waits", next(q, now+ms), "nothing")
	if wake := q.Wake(); wake < now+9*ms || wake > now+ms+9500*time.Microsecond {
		t.Errorf("until %v, since %v", wake, now+ms)
	}
	add(t, q, now+2*ms, row(2, 0, 0, queue.Never))
	if wake := q.Wake(); wake < now+6*ms || wake > now+2*ms+4750*time.Microsecond {
		t.Errorf("two until %v, since %v", wake, now+2*ms)
	}
	want(t, "in vain", next(q, q.Wake()), "0:0[1 2]")

	q, now = crowded(t, busy, 0, ms)
	add(t, q, now+ms, waiting(4, queue.Never)...)
	want(t, "a full batch waits for nobody", next(q, now+ms), "0:0[1 2 3 4]")

	q, now = crowded(t, busy, 0, ms)
	add(t, q, now+ms, row(1, 0, 0, now+15*ms))
	want(t, "two would take 10.5 ms", q.Wake(), now+15*ms-10500*time.Microsecond)

	limited := busy
	limited.Window = 2 * ms
	q, now = crowded(t, limited, 0, ms)
	add(t, q, now+ms, row(1, 0, 0, queue.Never))
	want(t, "no longer than the window", q.Wake(), now+3*ms)

	q, now = crowded(t, queue.Config{Stages: 1, MaxBatch: 4, Curve: [][]time.Duration{mild(4)}}, 0, ms)
	add(t, q, now+20*ms, row(1, 0, 0, queue.Never))
	want(t, "mild: 3.05 ms are more than the gap, which has passed", next(q, now+20*ms+3*ms), "0:0[1]")

	q = open(t, busy)
	now = crowd(t, q, 0, 0, 200, ms)
	add(t, q, now+ms, row(1, 0, 0, queue.Never))
	want(t, "nobody has had to wait", next(q, now+ms), "0:0[1]")

	q, now = crowded(t, busy, 0, 20*ms)
	add(t, q, now+20*ms, row(1, 0, 0, queue.Never))
	want(t, "the next is 20 ms away", next(q, now+20*ms), "0:0[1]")
	now = crowd(t, q, now+time.Hour, 0, 40, ms)
	done(t, q, now, true)
	add(t, q, now+ms, row(2, 0, 0, queue.Never))
	want(t, "a pause is soon forgotten", next(q, now+ms), "nothing")
}

// Rows that have gone on wait for others to go on, which they do every 11 ms, as long as rows
// of other stages are to be run and gain more by it.
func TestOthersFirst(t *testing.T) {
	for name, c := range map[string]struct {
		curve          []time.Duration
		stage0, stage1 int
		left           time.Duration // of those at stage 1
		after          time.Duration
		want           string
	}{
		"four rows gain 9.5 ms each":               {steep(4), 4, 1, time.Second, 0, "0:0[10 11 12 13]"},
		"one gains less than the other would wait": {steep(4), 1, 1, time.Second, 0, "0:1[20]"},
		"a full batch":                             {steep(4), 4, 4, time.Second, 0, "0:1[20 21 22 23]"},
		"nobody else is there":                     {steep(4), 0, 1, time.Second, 0, "0:1[20]"},
		"it has waited longer than four gain":      {steep(4), 4, 1, time.Second, 39 * ms, "0:1[20]"},
		"its deadline is not worth what four gain": {steep(4), 4, 1, 15 * ms, 0, "0:0[10 11 12 13]"},
		"mild: four rows gain 3.05 ms each":        {mild(4), 4, 1, time.Second, 0, "0:0[10 11 12 13]"},
		"mild: a deadline is worth a batch more":   {mild(4), 4, 1, 15 * ms, 0, "0:1[20]"},
		"flat: nothing is gained":                  {gains(0, 4), 4, 1, time.Second, 0, "0:1[20]"},
		"nothing is known":                         {nil, 4, 1, time.Second, 0, "0:1[20]"},
	} {
		q, now := crowded(t, queue.Config{Stages: 2, MaxBatch: 4, Curve: [][]time.Duration{c.curve, c.curve}}, 1, 11*ms)
		for id := range c.stage0 {
			add(t, q, now, row(uint64(10+id), 0, 1, now+time.Minute))
		}
		for id := range c.stage1 {
			add(t, q, now, row(uint64(20+id), 1, 1, now+c.left))
		}
		want(t, name, next(q, now+c.after), c.want)
	}
}

// Without deadlines what has begun is finished first: new rows, of which there are always
// some, would keep it from ever being run.
func TestDeepestFirst(t *testing.T) {
	q := open(t, queue.Config{Stages: 3})
	add(t, q, 0, row(1, 0, 2, queue.Never), row(2, 1, 2, queue.Never), row(3, 2, 2, queue.Never), row(4, 0, 2, time.Hour))
	for _, expect := range []string{"0:0[4]", "0:2[3]", "0:1[2]", "0:0[1]"} {
		want(t, "next", next(q, 0), expect)
		done(t, q, 0, true)
	}
}

// Whatever batches gain, and with rows always waiting at every stage, each gets its turn.
func TestNoStarvation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		once := rapid.Float64Range(0, 1).Draw(t, "once")
		exits := rapid.SliceOfN(rapid.Bool(), 8, 8).Draw(t, "exits")
		slo := rapid.SampledFrom([]time.Duration{queue.Never, time.Hour}).Draw(t, "slo")
		curve := gains(once, 4)
		q, err := queue.New(queue.Config{Stages: 3, MaxBatch: 4, Curve: [][]time.Duration{curve, curve, curve}})
		if err != nil {
			t.Fatal(err)
		}
		begun := map[uint64]int{}
		now, id := time.Duration(0), uint64(0)
		for batch := range 400 {
			for q.Len() < 24 {
				id++
				begun[id] = batch
				if _, err := q.Enqueue(now, queue.Row{ID: id, Last: 2, Deadline: min(slo, queue.Never-now) + now}); err != nil {
					t.Fatal(err)
				}
			}
			b, ok := q.Next(now)
			if !ok {
				t.Fatal("nothing to do")
			}
			now += curve[len(b.Rows)-1]
			exited := make([]bool, len(b.Rows))
			for i, r := range b.Rows {
				if exited[i] = b.Stage == 2 || exits[r.ID%8]; exited[i] {
					delete(begun, r.ID)
				}
			}
			if _, err := q.Done(now, 0, exited, nil); err != nil {
				t.Fatal(err)
			}
			for id, since := range begun {
				if batch-since > 200 {
					t.Fatalf("row %d is here since batch %d, and has not ended after %d", id, since, batch)
				}
			}
		}
	})
}

// What batches of up to four rows take decides how many rows they get.
func ExampleWorth() {
	gpu := []time.Duration{10 * time.Millisecond, 11 * time.Millisecond, 12 * time.Millisecond, 13 * time.Millisecond}
	cpu := []time.Duration{10 * time.Millisecond, 16 * time.Millisecond, 24 * time.Millisecond, 32 * time.Millisecond}
	one := []time.Duration{10 * time.Millisecond, 20 * time.Millisecond, 30 * time.Millisecond, 40 * time.Millisecond}
	for _, curve := range [][]time.Duration{gpu, cpu, one} {
		fmt.Println(queue.Worth(curve))
	}
	// Output:
	// 4
	// 2
	// 1
}

// Nor does it take the time away from its tightest row that it needs afterwards to go elsewhere, or
// to be finished here, if it would have that alone and there is an elsewhere.
func TestFillLeavesTimeForWhatIsNext(t *testing.T) {
	for name, c := range map[string]struct {
		need, rest, left time.Duration
		last             int
		want             string
	}{
		"nowhere else to go":        {10 * ms, 0, 40 * ms, 1, "0:0[1 2 3 4]"},
		"elsewhere":                 {20 * ms, 0, 40 * ms, 1, "0:0[1 2]"},
		"sooner finished here":      {30 * ms, 15 * ms, 40 * ms, 1, "0:0[1 2 3]"},
		"too late, even if alone":   {35 * ms, 0, 40 * ms, 1, "0:0[1 2 3 4]"},
		"it goes on in a function":  {20 * ms, 0, 40 * ms, 0, "0:0[1 2]"},
		"it goes on at a VM":        {0, 0, 40 * ms, 0, "0:0[1 2 3 4]"},
		"with enough time for both": {20 * ms, 0, 60 * ms, 1, "0:0[1 2 3 4]"},
	} {
		q, now := crowded(t, queue.Config{
			Stages: 2, MaxBatch: 4, Curve: [][]time.Duration{mild(4), mild(4)},
			Need: []time.Duration{0, c.need}, Rest: []time.Duration{0, c.rest},
		}, 0, ms)
		rows := waiting(4, now+time.Second)
		rows[0].Deadline, rows[0].Last = now+c.left, c.last
		add(t, q, now, rows...)
		want(t, name, next(q, now), c.want)
	}
}
