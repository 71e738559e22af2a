package control_test

import (
	"testing"

	"github.com/serflow/serflow-go/provisioner/control"
)

// Seconds are handed over once they have ended, each once, and a long sleep is no news.
func TestTally(t *testing.T) {
	c := control.NewTally(2, 100)
	for _, second := range []int64{99, 100, 100, 102, 103} {
		c.See(second, 0)
	}
	c.See(102, 1)
	want(t, "three seconds", c.Take(103), "[{100 [2 0 1]} {100 [0 0 1]}]")
	c.See(105, 0)
	want(t, "the next", c.Take(106), "[{103 [1 0 1]} {103 [0 0 0]}]")
	want(t, "again", c.Take(106), "[{106 []} {106 []}]")
	c.See(4000, 0)
	want(t, "after a sleep", c.Take(4000), "[{4000 []} {4000 []}]")
	c.See(4000, 0)
	want(t, "after that", c.Take(4001), "[{4000 [1]} {4000 [0]}]")
	want(t, "set back", c.Take(7), "[{7 []} {7 []}]")
	want(t, "the ration", []bool{c.Rationed(5, 2), c.Rationed(5, 2), c.Rationed(5, 2), c.Rationed(6, 2)}, []bool{false, false, true, false})
}
