package local

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/serflow/serflow-go/internal/launch"
)

// A call that hangs takes up its place for no longer than a minute.
func TestDefaults(t *testing.T) {
	o, err := Options{}.withDefaults()
	if err != nil || o.Timeout != time.Minute || o.Concurrency != 10 || o.KeepAlive != 5*time.Minute || o.Startup != 2*time.Minute || o.Grace != 5*time.Second {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestLines(t *testing.T) {
	long := strings.Repeat("x", longLine)
	var got []string
	lines(strings.NewReader("one\r\n\n"+long+"yz\nlast"), func(text string, begins bool) {
		got = append(got, fmt.Sprint(text, " ", begins))
	})
	if want := []string{"one true", " true", long + " true", "yz false", "last true"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// Only the first ready line counts, and only if it is a line.
func TestReadyLines(t *testing.T) {
	c := &child{output: &output{log: &log{to: io.Discard}}, ready: make(chan launch.Ready, 1)}
	line := launch.ReadyPrefix + `{"address":"127.0.0.1:1"}`
	if c.heard(line, false); len(c.ready) != 0 {
		t.Error("a part of a long line is taken for a ready line")
	}
	c.heard(line, true)
	c.heard(launch.ReadyPrefix+"again", true)
	if r := <-c.ready; r.Address != "127.0.0.1:1" || len(c.ready) != 0 {
		t.Errorf("%+v, and %d more", r, len(c.ready))
	}
}

// The last 2 KB of output are kept, and shown as one printable line.
func TestTail(t *testing.T) {
	said := &strings.Builder{}
	o := &output{id: "vm-1", log: &log{to: said}}
	o.line("first")
	for range 100 {
		o.line(strings.Repeat("x", 100))
	}
	o.line("\x1b[31mthe\tlast\xff\x00")
	if got := o.tail(); strings.Contains(got, "first") || !strings.HasSuffix(got, "xx [31mthe last") || len(got) > keptOutput || len(o.last) != keptOutput {
		t.Errorf("%q", got)
	}
	if !strings.HasPrefix(said.String(), "vm-1: first\nvm-1: xxx") {
		t.Errorf("%q", said.String()[:40])
	}
}

func TestPrintable(t *testing.T) {
	for _, c := range []struct {
		text string
		n    int
		want string
	}{
		{" a \n\t b ", 9, "a b"}, {"äöü", 2, "äö"}, {"\x00\x1b\u202e", 9, ""}, {"", 0, ""},
	} {
		if got := printable(c.text, c.n); got != c.want {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}

func TestPace(t *testing.T) {
	for vCPUs, want := range map[float64]float64{0.25: 0.25, 1: 1, 8: 1, 0: 1, -1: 1, math.Inf(1): 1} {
		if got := pace(vCPUs); got != want {
			t.Errorf("%v vCPUs: %v, want %v", vCPUs, got, want)
		}
	}
	if got := pace(math.NaN()); got != 1 {
		t.Errorf("not a number: %v", got)
	}
}

// Only the latest VMs that have gone are remembered.
func TestGraves(t *testing.T) {
	p := &Provider{}
	for i := range manyGraves + 1 {
		p.remember(fmt.Sprint("vm-", i), fmt.Errorf("reason %d", i))
	}
	if p.Gone("vm-0") != nil || len(p.gone) != manyGraves || !strings.Contains(fmt.Sprint(p.Gone("vm-100")), "reason 100") {
		t.Errorf("%d graves, %v", len(p.gone), p.Gone("vm-100"))
	}
}
