package planner

import (
	"math/rand/v2"
	"time"

	"github.com/serflow/serflow-go/balancer"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/profile"
	"github.com/serflow/serflow-go/stage"
	"github.com/serflow/serflow-go/stage/worker/queue"
)

// trial is what a fleet's VMs are tried with: the machines that serve, of requests, balancer and
// worker's queue, set up by provisioner.Expect and driven by draws from the profiles. Rules that
// only resemble theirs would not tell what is carried, nor change when they do. The model is
// taken to begin with the fleet's first stage, which here is 0.
type trial struct {
	last     int // stage of the fleet
	goOn     []float64
	times    profile.Times
	network  provisioner.Network
	vm       balancer.Member
	config   queue.Config
	calls    []called // functions that take over
	behind   []balancer.Member
	deadline time.Duration // since a request came
	soon     time.Duration // what a request needs that is to be in time on a function after all
	queue    time.Duration // that it may have beyond that where there is as much work as VMs can do
	rate     float64       // mu_sat
	work     []float64     // slot-seconds of a request in full batches, by the stage at which it leaves the model
}

// newTrial sets a trial up.
func (f *fleet) newTrial() *trial {
	p, v, first := f.p, f.p.VMs[f.vm], f.in.First
	g := provisioner.VMGroup{Stages: stage.Range{Last: f.in.Last - first}, Offer: v.Offer, Slots: f.slots, MaxBatch: f.batch}
	e := provisioner.Expect{Times: map[string]profile.Times{v.Offer.Name: from(v.Times, first)}, Network: p.Network}
	if e.Network.Payload != nil {
		e.Network.Payload = e.Network.Payload[first:]
	}
	t := &trial{last: g.Stages.Last, times: e.Times[v.Offer.Name], network: e.Network, deadline: toDuration(f.deadline), rate: f.saturated}
	work := 0.0
	for s := first; s < p.stages; s++ {
		if s <= f.in.Last {
			work += f.perRow(s, f.batch)
		}
		t.work = append(t.work, work)
		e.Plan.Reach = append(e.Plan.Reach, p.visits(first, s))
		t.goOn = append(t.goOn, p.goOn(s, s+1))
	}
	for _, in := range p.reference.groups(first) {
		c := p.Functions[p.reference.offer[in.First]]
		e.Times[c.Offer.Name] = from(c.Times, first)
		e.Plan.Functions = append(e.Plan.Functions, provisioner.FunctionGroup{Stages: stage.Range{First: in.First - first, Last: in.Last - first}, Offer: c.Offer})
	}
	t.soon, t.queue = toDuration(f.travel+f.need[0]), toDuration(longestQueue*f.work/float64(f.slots))
	t.vm, t.config = e.VM(g), e.Queue(g, len(t.goOn))
	for _, in := range e.Plan.Functions {
		t.calls = append(t.calls, p.newCalled(e, in, first))
	}
	for s := t.last + 1; s < len(t.goOn); s++ {
		if p.reference.offer[first+s] < 0 {
			t.behind = append(t.behind, standIn(s, toDuration(p.best.mean[first+s])))
		}
	}
	t.weigh()
	return t
}

// standIn is whatever else serves a stage behind the fleet that no function does: the balancer must not
// think that nothing does, and no request gets there.
func standIn(s int, takes time.Duration) balancer.Member {
	return balancer.Member{Kind: balancer.Function, Stages: stage.Range{First: s, Last: s}, Service: []time.Duration{takes}}
}

// from is the times of a model from a stage on.
func from(t profile.Times, first int) profile.Times {
	if first == 0 {
		return t
	}
	return behind{t, first}
}

type behind struct {
	profile.Times
	first int
}

func (b behind) Stages() int { return b.Times.Stages() - b.first }

func (b behind) Mean(stage, rows int) time.Duration { return b.Times.Mean(b.first+stage, rows) }

func (b behind) Draw(stage, rows int, r *rand.Rand) time.Duration {
	return b.Times.Draw(b.first+stage, rows, r)
}

func (b behind) Quantile(stage, rows int, q float64) time.Duration {
	return b.Times.Quantile(b.first+stage, rows, q)
}

// try sends requests to n VMs at a rate, as Poisson arrivals.
func (t *trial) try(n int, rate float64, rows int, r *rand.Rand) *outcome {
	s := &run{trial: t, within: t.deadline, count: rows, open: rows, vms: make([]trialVM, n), r: r, balancer: balancer.New()}
	s.out = outcome{rows: float64(rows), leaves: make([][bins]int32, t.last+1)}
	s.join()
	s.alarms.width = max(t.deadline/alarmBuckets*2, 100*time.Microsecond)
	s.lead = rows/5 + 2*n*t.vm.Slots
	if load := rate / (float64(n) * t.rate); load > fullLoad {
		s.within = min(t.deadline, t.queue/time.Duration(min(n, 4))+t.soon) // more VMs need less of a queue to be busy
		s.lead += int(rate * max(s.within-t.soon, 0).Seconds() / max(load-1, 0.15))
	}
	s.visits = make([]visit, 0, s.lead+rows+rows/4)
	for rows := t.newStream(rate, s.lead, rows, r); s.open > 0; {
		next, depth := rows.take()
		s.until(next)
		s.now = next
		if s.came < s.lead+longest*s.count { // what takes so much longer than the others needs no company
			s.arrive(depth)
		}
	}
	s.out.away /= s.out.rows
	s.out.late /= s.out.rows
	s.out.shed /= s.out.rows
	s.out.batch /= max(s.out.runs, 1)
	return &s.out
}

// outcome is what became of a trial's requests.
type outcome struct {
	rows   float64       // that count
	away   float64       // what functions were paid for each, in calls that run through the range
	late   float64       // share that had no answer in time
	shed   float64       // share that was not sent anywhere
	batch  float64       // rows in the batches of VMs, as a row sees them
	runs   float64       // of a stage for one row, on VMs
	waits  [bins]int32   // of those that only VMs had: time in queues, in bins, the last of which has all beyond
	leaves [][bins]int32 // of those that first went to a function before a stage of the range: time since they came
}

// carried is the share of the cost of functions that VMs have saved.
func (o *outcome) carried() float64 { return max(1-o.away-o.late, 0) }

// longest is how many times the requests that count come at most while one of them has not ended.
const longest = 4

// fullLoad is the load from which on queues are long.
const fullLoad = 0.9

const bins = 16

// span is what they cover.
func (t *trial) span() time.Duration { return max(min(t.deadline, t.soon+t.queue), 1) }
