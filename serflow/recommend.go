package serflow

import (
	"context"
	"time"

	"github.com/serflow/serflow-go/provisioner/control"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/stage"
)

// Recommend rents nothing. The pipeline serves in process, however it is set up with On; in the Log it
// says what Scale would do for the requests that come, and once an hour, and when it is closed,
// what they would have cost: by Scale, on functions alone, and on the plan's VMs without scaling.
// Every VM is taken to be there after its boot. Stats has the same bill. A plan that would be made
// again for other traffic is, and the bill goes on by that.
func Recommend() Option { return func(p *Pipeline) { p.rental.recommend = true } }

// Recommended is what the requests so far would have cost.
type Recommended = control.Bill

// recommender drives the control loop's shadow.
type recommender struct {
	*cloud
	shadow *control.Shadow
	ask    chan chan Recommended
	done   chan struct{}

	replanAt time.Duration // not before
}

// billEvery is how often the bill is in the log.
const billEvery = time.Hour

// openRecommender works out what would be rented, and calls no provider but for what it sells.
func openRecommender(ctx context.Context, model stage.Model, r rental) (*recommender, error) {
	if err := model.Validate(); err != nil {
		return nil, r.wrong("mend the model", err)
	}
	if r.scaling == nil {
		r.scaling = &Scaling{}
	}
	if err := r.complete(ctx, model); err != nil {
		return nil, err
	}
	c := &cloud{rental: r, model: model, begun: time.Now()}
	if r.explained != "" {
		c.log.Info("planned", "plan", r.explained)
	}
	var err error
	if c.scaler, err = c.newScaler(); err != nil {
		return nil, err
	}
	c.ctx, c.stop = context.WithCancel(context.Background())
	m := &recommender{cloud: c, shadow: control.NewShadow(c.scaler.loop), ask: make(chan chan Recommended), done: make(chan struct{})}
	m.shadow.Elsewhere(control.Elsewhere(c.expected(), len(model.Stages)))
	go m.run()
	return m, nil
}

func (m *recommender) run() {
	defer close(m.done)
	t := time.NewTicker(time.Second)
	defer t.Stop()
	said := m.now()
	for {
		select {
		case <-t.C:
			m.step()
			if m.now() >= said+billEvery {
				said = m.now()
				m.log.Info("recommended", "bill", m.shadow.Bill().String())
			}
		case reply := <-m.ask:
			reply <- m.shadow.Bill()
		case <-m.ctx.Done():
			m.log.Info("recommended", "bill", m.shadow.Bill().String())
			return
		}
	}
}

func (m *recommender) step() {
	now, s := m.now(), m.scaler
	for _, line := range m.shadow.Step(now, func() control.Seen {
		s.mu.Lock()
		defer s.mu.Unlock()
		return control.Seen{Wall: s.since + now, Counts: s.tally.Take(s.second(now))}
	}) {
		line.Why += " (recommended: nothing is rented)"
		m.logLine(line)
	}
	if d, drifts := s.loop.Drift(); drifts && m.replanned && now >= m.replanAt {
		m.replanAt = now + replanEvery
		if err := m.replan(d); err != nil {
			m.log.Warn("the plan would stay as it is", "why", d.Why, "error", err)
		}
	}
}

// replan goes over to the plan that would be made for the traffic of now.
func (m *recommender) replan(d control.Drift) error {
	m.log.Info("planning again (recommended: nothing is rented)", "why", d.Why)
	ask := *m.scaling.Ask
	ask.Reach, ask.Traffic = d.Reach, planner.Steady(d.Rate, d.Deviation)
	n, err := m.planNext(ask)
	if err != nil {
		return err
	}
	if err := m.scaler.loop.Plan(n.groups, n.Reach); err != nil {
		return err
	}
	m.lay(m.scaler.loop.Kinds(), n.Plan)
	m.shadow.Elsewhere(control.Elsewhere(m.expected(), len(m.model.Stages)))
	return nil
}

// saw counts a request that has been served in process, or has failed.
func (m *recommender) saw(exit int) {
	if m == nil {
		return
	}
	now := m.now()
	m.scaler.begins(now)
	m.scaler.ends(now, exit)
}

// bill is nil if nothing is recommended.
func (m *recommender) bill() *Recommended {
	if m == nil {
		return nil
	}
	reply := make(chan Recommended, 1)
	select {
	case m.ask <- reply:
		b := <-reply
		return &b
	case <-m.done:
		b := m.shadow.Bill()
		return &b
	}
}

func (m *recommender) close() {
	if m != nil {
		m.stop()
		<-m.done
	}
}
