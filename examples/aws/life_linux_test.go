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
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/serflow/serflow-go/internal/fakeaws"
	"github.com/serflow/serflow-go/internal/fakeaws/boot"
	"github.com/serflow/serflow-go/providers/aws"
)

// cloud is a fake of AWS whose VMs and functions are processes of this program.
type cloud struct {
	*fakeaws.Cloud
	url string
	out *output
}

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

// newCloud has a bucket from which VMs fetch what was put there. With the race detector this program
// is too large for Lambda, so that is another, and a script that starts this one is run instead.
func newCloud(t *testing.T) cloud {
	t.Helper()
	t.Setenv("XDG_CONFIG_HOME", t.TempDir()) // where the service keeps its state
	c := cloud{out: &output{}}
	dir := t.TempDir()
	object := "shop-bucket/serflow/shop/worker"
	shell, err := boot.Shell(dir, map[string]string{
		"aws": `[ "$*" = "s3 cp --only-show-errors --region us-east-1 s3://` + object + ` $7" ] && cp ` + dir + `/fetched "$7"`,
	}, c.out)
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(small(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "fetched"), []byte("#!/bin/sh\nexec "+os.Args[0]+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := fakeaws.Options{
		Region: region, Images: []string{images[runtime.GOARCH]}, Subnets: map[string]string{"subnet-1": "us-east-1a"}, Buckets: []string{"shop-bucket"},
		Types: map[string]float64{}, Network: fmt.Sprintf("127.%d", 10+rand.IntN(200)), Pending: time.Second, Lag: 100 * time.Millisecond,
		Boot: func(ctx context.Context, m fakeaws.Machine) {
			if put := c.Object(object); !bytes.Equal(put, program) {
				t.Errorf("%d bytes were put, not those of the program", len(put))
			}
			shell(ctx, m)
		},
		Program: func(environment map[string]string) *exec.Cmd {
			cmd := exec.Command(os.Args[0])
			cmd.Env, cmd.Stderr = os.Environ(), c.out
			for name, value := range environment {
				cmd.Env = append(cmd.Env, name+"="+value)
			}
			return cmd
		},
	}
	for _, x := range aws.Types() {
		o.Types[x.Name] = x.PerHour
	}
	c.Cloud = fakeaws.New(o)
	server := httptest.NewServer(c.Cloud)
	c.url = server.URL
	t.Cleanup(func() {
		server.Close()
		c.Close()
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		if t.Failed() {
			t.Log(c.out)
		}
	})
	return c
}

// small is a program for this machine.
func small(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("true")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// metadata is the metadata service of all VMs, which it knows by their tokens.
type metadata struct {
	mu     sync.Mutex
	tokens int
	first  string // token of the VM that asked first whether it is taken back
	notice bool   // for that VM
}

func (m *metadata) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	token := r.Header.Get("X-Aws-Ec2-Metadata-Token")
	if r.URL.Path == "/latest/meta-data/spot/instance-action" && m.first == "" {
		m.first = token
	}
	switch {
	case r.Method == http.MethodPut:
		m.tokens++
		w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "21600")
		fmt.Fprint(w, "token-", m.tokens)
	case m.notice && r.URL.Path == "/latest/meta-data/spot/instance-action" && token == m.first:
		fmt.Fprint(w, `{"action": "terminate", "time": "2026-11-28T08:22:00Z"}`)
	default:
		http.NotFound(w, r)
	}
}

func (m *metadata) takeBack() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.notice = true
}

// environment has the SDK's default chain find the fake, and workers their metadata service.
func (c cloud) environment(t *testing.T, m *metadata) {
	t.Helper()
	server := httptest.NewServer(m)
	t.Cleanup(server.Close)
	none := filepath.Join(t.TempDir(), "none")
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": c.url, "AWS_REGION": region, "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "key", "AWS_PROFILE": "",
		"AWS_CONFIG_FILE": none, "AWS_SHARED_CREDENTIALS_FILE": none, "AWS_EC2_METADATA_SERVICE_ENDPOINT": server.URL, "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
	} {
		t.Setenv(name, value)
	}
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

// The program deploys itself and serves, at first on functions, then on VMs too, of which AWS takes one
// back; it is interrupted, and then everything is ended.
func TestFromDeploymentToTeardown(t *testing.T) {
	c := newCloud(t)
	var m metadata
	c.environment(t, &m)
	common := []string{"-owner", "shop", "-bucket", "shop-bucket", "-subnets", "subnet-1", "-vms", "2"}
	ctx, interrupt := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, append(common, "-serve", "127.0.0.1:0", "-program", small(t)), c.out) }()
	defer interrupt()
	var url string
	eventually(t, "it serves", func() bool {
		select {
		case err := <-ended:
			t.Fatalf("it ended: %v", err)
		default:
		}
		url = regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(c.out.String())
		return url != ""
	})
	for text, want := range map[string]string{"HELLO THERE": "true glance", "good morning": "false glance", "HELlo whoever you may be": "false read"} {
		if got := post(t, url, text); fmt.Sprint(got.Shouting, " ", got.Exit) != want || !(got.Dollars > 0) {
			t.Errorf("%q: %+v, want %s", text, got, want)
		}
	}
	eventually(t, "a VM answers", func() bool { return strings.Contains(fmt.Sprint(post(t, url, "HELLO THERE").Path), "i-0") })
	eventually(t, "all VMs are launched", func() bool { return c.Launched() == 2 })
	quiet := busy(t, url)
	m.takeBack()
	eventually(t, "the VM has drained, and is replaced", func() bool { return c.Launched() == 3 && len(c.Running()) == 2 })
	quiet()
	interrupt()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if len(c.Running()) == 0 || len(c.Objects()) != 1 {
		t.Errorf("after it was interrupted: VMs %v, objects %v", c.Running(), c.Objects())
	}
	if err := run(t.Context(), append(common, "-teardown", "-settle", "300ms"), c.out); err != nil {
		t.Error(err)
	}
	called := []string{"ssm:GetParameters"} // by EC2, for the image
	for action := range c.Calls() {
		if strings.HasPrefix(action, "s3:") {
			called = append(called, action)
		}
	}
	slices.Sort(called)
	if policy := allowed(t, "iam-deploy.json"); !slices.Equal(policy, called) {
		t.Errorf("iam-deploy.json allows %v, called were %v", policy, called)
	}
	if len(c.Running()) > 0 || len(c.Objects()) > 0 || c.Functions() > 0 {
		t.Errorf("after the teardown: VMs %v, objects %v, %d functions", c.Running(), c.Objects(), c.Functions())
	}
}

// busy sends some hundred requests a second, so that no VM is let go, until it is told to be quiet.
func busy(t *testing.T, url string) (quiet func()) {
	var all sync.WaitGroup
	done := make(chan struct{})
	for range 3 {
		all.Go(func() {
			for {
				select {
				case <-done:
					return
				case <-time.After(5 * time.Millisecond):
					post(t, url, "HELLO THERE")
				}
			}
		})
	}
	return func() {
		close(done)
		all.Wait()
	}
}

// allowed is the actions that a policy names.
func allowed(t *testing.T, file string) (actions []string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`"((?:s3|ssm|logs):\w+)"`).FindAllStringSubmatch(string(text), -1) {
		actions = append(actions, m[1])
	}
	slices.Sort(actions)
	return actions
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
		t.Error(err)
		return a
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK || json.Unmarshal(body, &a) != nil {
		t.Errorf("%d: %s, %v", r.StatusCode, body, err)
	}
	return a
}
