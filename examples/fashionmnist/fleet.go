package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/serflow/serflow-go/serflow"
)

// moment is how the fleet was at some time of the stream.
type moment struct {
	at       time.Duration
	sent     int
	vms      int // that serve
	booting  int
	visits   float64 // up to then, in all and of functions
	function float64
}

// look notes how the fleet is, once every five seconds.
func (s *stream) look(p *serflow.Pipeline, now time.Duration, sent int) {
	const every = 5 * time.Second
	if now < time.Duration(len(s.fleet))*every {
		return
	}
	stats, m := p.Stats(), moment{at: now, sent: sent}
	for _, vm := range stats.VMs {
		switch vm.State {
		case "ready":
			m.vms++
		case "booting":
			m.booting++
		}
	}
	m.visits, m.function = visits(stats)
	s.fleet = append(s.fleet, m)
}

// visits are all that places have answered, and functions.
func visits(s serflow.Stats) (all, functions float64) {
	for _, g := range s.Groups {
		n := float64(g.Requests - g.Failed)
		all += n
		if g.Kind == "function" {
			functions += n
		}
	}
	return all, functions
}

// printFleet shows how the fleet followed the traffic.
func (s *stream) printFleet(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "from\tto\trequests/s\tfunctions\tVMs then\t\n")
	for i, m := range s.fleet[1:] {
		before := s.fleet[i]
		functions := 0.0
		if all := m.visits - before.visits; all > 0 {
			functions = (m.function - before.function) / all
		}
		fmt.Fprintf(t, "%.0f s\t%.0f s\t%.0f\t%.0f %%\t%-12s\t\n", before.at.Seconds(), m.at.Seconds(),
			float64(m.sent-before.sent)/(m.at-before.at).Seconds(), 100*functions, strings.Repeat("#", m.vms)+strings.Repeat(".", m.booting))
	}
	t.Flush()
	fmt.Fprintln(w, "\n# serves, . boots")
}
