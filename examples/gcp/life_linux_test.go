//go:build !race

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/api/option"

	"github.com/serflow/serflow-go/internal/fakeaws"
	"github.com/serflow/serflow-go/internal/fakeaws/boot"
	"github.com/serflow/serflow-go/internal/fakegcp"
	"github.com/serflow/serflow-go/providers/gcp"
)

// output is what the service and its workers say.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// newCloud is a Google Cloud whose VMs are shells that run their startup scripts: docker is there a
// script that starts this program.
func newCloud(t *testing.T, out *output) *fakegcp.Cloud {
	t.Helper()
	t.Setenv("XDG_CONFIG_HOME", t.TempDir()) // where the service keeps its state
	shell, err := boot.Shell(t.TempDir(), map[string]string{
		"iptables": "exit 0", "docker-credential-gcr": "exit 0", "docker": "exec " + os.Args[0],
	}, out)
	if err != nil {
		t.Fatal(err)
	}
	o := fakegcp.Options{
		Project: "example-project", Region: "us-central1", Zones: []string{"us-central1-a", "us-central1-b"}, Images: []string{boots}, Types: map[string]float64{},
		Network: fmt.Sprintf("127.%d", 10+rand.IntN(200)), Booting: 100 * time.Millisecond, Lag: 100 * time.Millisecond, Deploying: 50 * time.Millisecond,
		Container: contain,
		Boot: func(ctx context.Context, m fakegcp.Machine) {
			shell(ctx, fakeaws.Machine{ID: strings.ReplaceAll(m.ID, "/", "-"), Address: m.Address, UserData: m.Script})
		},
	}
	for _, x := range gcp.Types() {
		o.Types[x.Name] = x.PerHour
	}
	cloud := fakegcp.New(o)
	t.Cleanup(func() {
		cloud.Close()
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		if t.Failed() {
			t.Log(out)
		}
	})
	return cloud
}

// settled is the program as it begins anew, on a connection of its own.
func settled(t *testing.T, cloud *fakegcp.Cloud, args ...string) settings {
	t.Helper()
	s, err := settingsOf(append(args, "-owner", "shop", "-project", "example-project"))
	if err != nil {
		t.Fatal(err)
	}
	to, stop := cloud.Connect()
	t.Cleanup(stop)
	s.reached = reached{
		vms: []option.ClientOption{option.WithHTTPClient(cloud.Client())}, functions: to, services: cloud.Client(),
		token: func(_ context.Context, audience string) (string, error) { return fakegcp.IdentityToken(audience), nil },
	}
	return s
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !so(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// The program rents and serves, at first on functions, then on VMs too; it is interrupted, and then
// everything is ended.
func TestFromRentingToTeardown(t *testing.T) {
	t.Setenv("GCE_METADATA_HOST", "127.0.0.1:1") // workers find no metadata server, and none of this machine's
	out := &output{}
	cloud := newCloud(t, out)
	ctx, interrupt := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	first := settled(t, cloud, "-serve", "127.0.0.1:0", "-image", "us-central1-docker.pkg.dev/example-project/shop/worker:1", "-port", fmt.Sprint(10000+rand.IntN(20000)))
	go func() { ended <- first.run(ctx, out) }()
	defer interrupt()
	var url string
	eventually(t, "it serves", func() bool {
		select {
		case err := <-ended:
			t.Fatalf("it ended: %v", err)
		default:
		}
		url = regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(out.String())
		return url != ""
	})
	for text, want := range map[string]string{"HELLO THERE": "true glance", "good morning": "false glance", "HELlo whoever you may be": "false read"} {
		if got := post(t, url, text); fmt.Sprint(got.Shouting, " ", got.Exit) != want || !(got.Dollars > 0) {
			t.Errorf("%q: %+v, want %s", text, got, want)
		}
	}
	eventually(t, "a VM answers", func() bool {
		return strings.Contains(fmt.Sprint(post(t, url, "HELLO THERE").Path), "us-central1-a/serflow-")
	})
	interrupt()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if state, err := os.ReadFile(filepath.Join(os.Getenv("XDG_CONFIG_HOME"), "serflow", "shop@shouting.json")); err != nil || !json.Valid(state) {
		t.Errorf("the next start would know %s, %v", state, err)
	}
	s := settled(t, cloud, "-teardown", "-settle", "300ms")
	if list, err := settled(t, cloud).functions().List(t.Context(), "shop"); err != nil || len(list) != 1 || len(cloud.Running()) == 0 {
		t.Errorf("after it was interrupted: VMs %v, functions %v, %v", cloud.Running(), list, err)
	}
	if err := s.end(t.Context(), out); err != nil {
		t.Error(err)
	}
	if list, err := settled(t, cloud).functions().List(t.Context(), "shop"); err != nil || len(list) > 0 || len(cloud.Running()) > 0 {
		t.Errorf("after the teardown: VMs %v, functions %v, %v", cloud.Running(), list, err)
	}
}

// answer is what the service says.
type answer struct {
	Shouting bool
	Exit     string
	Dollars  float64
	Path     any
}

func post(t *testing.T, url, text string) (a answer) {
	t.Helper()
	r, err := http.Post(url, "text/plain", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK || json.Unmarshal(body, &a) != nil {
		t.Errorf("%d: %s, %v", r.StatusCode, body, err)
	}
	return a
}
