package launch_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/serflow/serflow-go/internal/launch"
)

func TestParseReady(t *testing.T) {
	for _, c := range []struct {
		line string
		want launch.Ready
		ok   bool
		err  string // a part of it
	}{
		{`serflow-worker {"address":"127.0.0.1:12345"}`, launch.Ready{Address: "127.0.0.1:12345"}, true, ""},
		{`serflow-worker {"address":"[::1]:1"}` + "\r\n", launch.Ready{Address: "[::1]:1"}, true, ""},
		{`serflow-worker {"error":"no \"file\""}`, launch.Ready{Error: `no "file"`}, true, ""},
		{`serflow-worker {"address":"10.0.0.1:80","version":2}`, launch.Ready{Address: "10.0.0.1:80"}, true, ""},
		{``, launch.Ready{}, false, ""},
		{`serflow-worker`, launch.Ready{}, false, ""},
		{` serflow-worker {"error":"indented"}`, launch.Ready{}, false, ""},
		{`serflow-worker `, launch.Ready{}, true, "JSON"},
		{`serflow-worker 127.0.0.1:12345`, launch.Ready{}, true, "JSON"},
		{`serflow-worker {"address":"127.0.0.1:12345"} {}`, launch.Ready{}, true, "JSON"},
		{`serflow-worker {"address":12345}`, launch.Ready{}, true, "JSON"},
		{`serflow-worker null`, launch.Ready{}, true, "neither"},
		{`serflow-worker {}`, launch.Ready{}, true, "neither"},
		{`serflow-worker {"address":"127.0.0.1:1","error":"why"}`, launch.Ready{}, true, "both"},
		{`serflow-worker {"address":"localhost:80"}`, launch.Ready{}, true, "IP address"},
		{`serflow-worker {"address":"127.0.0.1"}`, launch.Ready{}, true, "IP address"},
		{`serflow-worker {"address":"127.0.0.1:65536"}`, launch.Ready{}, true, "IP address"},
		{`serflow-worker {"address":"127.0.0.1:0"}`, launch.Ready{}, true, "listened at"},
		{`serflow-worker {"address":"[::]:80"}`, launch.Ready{}, true, "listened at"},
	} {
		got, ok, err := launch.ParseReady(c.line)
		if got != c.want || ok != c.ok || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%q: %+v, %v, %v; want %+v, %v, %q", c.line, got, ok, err, c.want, c.ok, c.err)
		}
	}
}

// The words are a contract with programs that are built elsewhere.
func TestStartOnTheWire(t *testing.T) {
	for _, c := range []struct {
		start launch.Start
		want  string
	}{
		{launch.Start{Kind: launch.VM, Listen: "127.0.0.1:0", Setup: "s", Pace: 0.25},
			`{"kind":"vm","listen":"127.0.0.1:0","setup":"s","pace":0.25}`},
		{launch.Start{Kind: launch.Function, Listen: "127.0.0.1:0", Setup: "s", Credential: "c", Pace: 1},
			`{"kind":"function","listen":"127.0.0.1:0","setup":"s","credential":"c","pace":1}`},
	} {
		if got, err := json.Marshal(c.start); err != nil || string(got) != c.want {
			t.Errorf("%s, %v; want %s", got, err, c.want)
		}
	}
}

var armedAtStart = launch.Armed()

func TestArm(t *testing.T) {
	if armedAtStart {
		t.Fatal("armed from the start")
	}
	launch.Arm()
	if !launch.Armed() {
		t.Error("not armed")
	}
}

// Whatever a child prints, it is read or refused, and what is read says one thing and
// reads the same when it is printed again.
func FuzzParseReady(f *testing.F) {
	for _, s := range []string{
		`serflow-worker {"address":"127.0.0.1:12345"}`, `serflow-worker {"error":"why"}`, `serflow-worker {"address":"[fe80::1%eth0]:1"}`,
		"serflow-worker {\"error\":\"\xff\"}", `serflow-worker [[[[`, `serflow-worker {"ADDRESS":"1.2.3.4:5"}`, "hello",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		r, ok, err := launch.ParseReady(line)
		switch {
		case ok != strings.HasPrefix(line, launch.ReadyPrefix):
			t.Errorf("%v", ok)
		case !ok || err != nil:
			if r != (launch.Ready{}) {
				t.Errorf("%+v of a line that is refused", r)
			}
		case (r.Address == "") == (r.Error == ""):
			t.Errorf("%+v", r)
		default:
			text, _ := json.Marshal(r)
			if again, _, err := launch.ParseReady(launch.ReadyPrefix + string(text)); again != r || err != nil {
				t.Errorf("%+v, %v; want %+v", again, err, r)
			}
		}
	})
}
