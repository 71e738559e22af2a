package peers

import (
	"encoding/json"
	"math"
	"strconv"
	"testing"

	orca "github.com/cncf/xds/go/xds/data/orca/v3"
	lb "google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/leastrequest"
	"google.golang.org/grpc/balancer/weightedroundrobin"
	"google.golang.org/grpc/connectivity"
	estats "google.golang.org/grpc/experimental/stats"
	"google.golang.org/grpc/resolver"
)

// channel stands for grpc-go's ClientConn, for its pickers are not exported: it builds
// a registered policy, connects each SubConn that the policy asks for, and keeps the
// picker that the policy publishes. That picker is the one a channel calls for each
// RPC. What a channel does around it (blocking, metadata, the trailer's ORCA report
// parsed from its wire format) is not measured.
type channel struct {
	lb.ClientConn // nil: policies call nothing else of it
	policy        lb.Balancer
	state         lb.ClientConnState
	picker        lb.Picker
	connecting    *subConn
}

// subConn is a connection to a member. It is ready as soon as the policy listens.
type subConn struct {
	lb.SubConn
	channel *channel
	member  int
	report  *orca.OrcaLoadReport
	changed func(lb.SubConnState)
	health  func(lb.SubConnState)
}

// dial returns a channel all of whose members are ready.
func dial(tb testing.TB, policy, config string, members int) *channel {
	tb.Helper()
	builder := lb.Get(policy)
	parsed, err := builder.(lb.ConfigParser).ParseConfig(json.RawMessage(config))
	if err != nil {
		tb.Fatal(err)
	}
	c := &channel{state: lb.ClientConnState{BalancerConfig: parsed}}
	for m := range members {
		c.state.ResolverState.Endpoints = append(c.state.ResolverState.Endpoints,
			resolver.Endpoint{Addresses: []resolver.Address{{Addr: strconv.Itoa(m)}}})
	}
	c.policy = builder.Build(c, lb.BuildOptions{})
	tb.Cleanup(c.policy.Close)
	c.resolve(tb)
	return c
}

// resolve tells the policy its members. It publishes a new picker.
func (c *channel) resolve(tb testing.TB) {
	tb.Helper()
	if err := c.policy.UpdateClientConnState(c.state); err != nil {
		tb.Fatal(err)
	}
	c.connected()
}

func (c *channel) NewSubConn(a []resolver.Address, o lb.NewSubConnOptions) (lb.SubConn, error) {
	m, err := strconv.Atoi(a[0].Addr)
	// Of two members one is twice as fast. WRR's weight is RpsFractional / CpuUtilization.
	report := &orca.OrcaLoadReport{RpsFractional: float64(100 + 100*(m%2)), CpuUtilization: 0.5}
	return &subConn{channel: c, member: m, report: report, changed: o.StateListener}, err
}

func (c *channel) UpdateState(s lb.State) { c.picker = s.Picker }

func (c *channel) MetricsRecorder() estats.MetricsRecorder {
	return estats.UnimplementedMetricsRecorder{}
}

// Connect reports the SubConn before this one as connected, not this one, of which the
// policy holds a lock now. While it is still connecting others it publishes no picker
// for each; a picker has all members, so 10,000 of them would take too long.
func (s *subConn) Connect() {
	s.channel.connected()
	s.channel.connecting = s
}

func (c *channel) connected() {
	s := c.connecting
	if s == nil {
		return
	}
	c.connecting = nil
	s.changed(lb.SubConnState{ConnectivityState: connectivity.Connecting})
	s.changed(lb.SubConnState{ConnectivityState: connectivity.Ready})
	s.health(lb.SubConnState{ConnectivityState: connectivity.Ready})
}

func (s *subConn) RegisterHealthListener(f func(lb.SubConnState)) { s.health = f }
func (s *subConn) Shutdown()                                      {}

// pick is the member picked, and what is to be called when its RPC has ended.
func (c *channel) pick(tb testing.TB) (*subConn, func(lb.DoneInfo)) {
	r, err := c.picker.Pick(lb.PickInfo{})
	if err != nil {
		tb.Fatal(err)
	}
	return r.SubConn.(*subConn), r.Done
}

// request is one RPC whose server reports its load, or does not.
func (c *channel) request(report bool) bool {
	r, err := c.picker.Pick(lb.PickInfo{})
	if err != nil {
		return false
	}
	info := lb.DoneInfo{BytesSent: true, BytesReceived: true}
	if report {
		info.ServerLoad = r.SubConn.(*subConn).report
	}
	r.Done(info)
	return true
}

// newWRR has no report of any member yet. But for the ten seconds in which it would not
// believe the first ones it is as gRPC has it by default, with a report from each RPC.
func newWRR(tb testing.TB, members int) *channel {
	tb.Helper()
	return dial(tb, weightedroundrobin.Name, `{"blackoutPeriod": "0s"}`, members)
}

// weighted is a WRR that has heard of every member, and picks by weight.
func weighted(tb testing.TB, members int) *channel {
	tb.Helper()
	c := newWRR(tb, members)
	for range members {
		c.request(true)
	}
	c.resolve(tb) // else a timer would take the weights in, a second later
	return c
}

// wrr is Pick, and Done with an ORCA load report. It recomputes its weights each second
// on a goroutine of its own, as it does in use.
func wrr(tb testing.TB, members int) func(int) bool {
	c := weighted(tb, members)
	return func(int) bool { return c.request(true) }
}

// wrrNoReport is the same for RPCs that bring no report.
func wrrNoReport(tb testing.TB, members int) func(int) bool {
	c := weighted(tb, members)
	return func(int) bool { return c.request(false) }
}

// leastRequest is the policy of grpc-go that is nearest to ours: the one of two members
// with fewer RPCs. It knows no service times, deadlines or functions.
func leastRequest(tb testing.TB, members int) func(int) bool {
	c := dial(tb, leastrequest.Name, `{}`, members)
	for range inHand * members {
		c.pick(tb)
	}
	return func(int) bool { return c.request(false) }
}

func TestWRRPicksByTheWeightsReported(t *testing.T) {
	const members, rounds = 10, 3000
	c := newWRR(t, members)
	count := func() (counts [members]int) {
		for range members * rounds {
			s, _ := c.pick(t)
			counts[s.member]++
		}
		return counts
	}
	for m, n := range count() {
		if n != rounds {
			t.Errorf("before any report: member %d got %d requests, want %d", m, n, rounds)
		}
	}
	for range members {
		s, done := c.pick(t)
		done(lb.DoneInfo{ServerLoad: s.report})
	}
	c.resolve(t)
	for m, n := range count() {
		due := float64(rounds) * float64(2+2*(m%2)) / 3
		if math.Abs(float64(n)-due) > 0.01*due {
			t.Errorf("by weight: member %d got %d requests, want %.0f", m, n, due)
		}
	}
}

func TestLeastRequestPicksTheLessLoaded(t *testing.T) {
	c := dial(t, leastrequest.Name, `{}`, 2)
	for range 4000 {
		if s, done := c.pick(t); s.member == 0 {
			defer done(lb.DoneInfo{})
		} else {
			done(lb.DoneInfo{})
		}
	}
	// It may draw the same member twice, so the idle one of two gets three in four.
	idle := 0
	for range 1000 {
		if s, _ := c.pick(t); s.member == 1 {
			idle++
		}
	}
	if idle < 650 {
		t.Errorf("%d of 1000 requests went to the idle member of two", idle)
	}
}

func TestEveryMemberOfAChannelIsReady(t *testing.T) {
	const members = 10_000
	c := newWRR(t, members)
	seen := map[int]bool{}
	for range members {
		s, _ := c.pick(t)
		seen[s.member] = true
	}
	if len(seen) != members {
		t.Errorf("%d of %d members got a request in one round", len(seen), members)
	}
}
