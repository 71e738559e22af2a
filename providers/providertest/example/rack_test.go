package example_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/serflow/serflow-go/providers/providertest"
	"github.com/serflow/serflow-go/providers/providertest/example"
	"github.com/serflow/serflow-go/provisioner"
)

// fake is Rack's API.
type fake struct {
	mu       sync.Mutex
	machines []machine
	launches map[string]launch
	faults   map[string]providertest.Fault // by method
	begun    int
}

type machine struct {
	ID, Address string
	Begun       time.Time
	Tags        json.RawMessage
	token       string
}

// launch is what a token was used for, and what became of it.
type launch struct {
	body    []byte
	refused bool
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	fault := f.faults[r.Method]
	switch fault {
	case providertest.Throttled:
		w.WriteHeader(http.StatusTooManyRequests)
		return
	case providertest.Denied:
		w.WriteHeader(http.StatusForbidden)
		return
	case providertest.Unavailable:
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	status, answer := f.do(r, body, fault)
	if fault == providertest.AnswerLost {
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(answer)
}

func (f *fake) do(r *http.Request, body []byte, fault providertest.Fault) (status int, answer any) {
	switch r.Method {
	case http.MethodPost:
		return f.launch(body, fault)
	case http.MethodDelete:
		before := len(f.machines)
		f.machines = slices.DeleteFunc(f.machines, func(m machine) bool { return "/machines/"+m.ID == r.URL.Path })
		if len(f.machines) == before {
			return http.StatusNotFound, nil
		}
		return http.StatusOK, nil
	}
	page, _ := strconv.Atoi(r.URL.Query().Get("page"))
	const size = 2
	got := map[string]any{"machines": f.machines[min((page-1)*size, len(f.machines)):min(page*size, len(f.machines))]}
	if len(f.machines) > page*size {
		got["next"] = page + 1
	}
	return http.StatusOK, got
}

func (f *fake) launch(body []byte, fault providertest.Fault) (status int, answer any) {
	var x struct {
		Token string
		Count int
		Tags  json.RawMessage
	}
	if err := json.Unmarshal(body, &x); err != nil {
		return http.StatusUnprocessableEntity, nil
	}
	before, again := f.launches[x.Token]
	switch {
	case again && !bytes.Equal(before.body, body):
		return http.StatusUnprocessableEntity, nil
	case before.refused || fault == providertest.NoCapacity:
		f.launches[x.Token] = launch{body, true}
		return http.StatusConflict, nil
	case fault == providertest.PartGranted:
		x.Count--
	}
	for range x.Count {
		if !again {
			f.begun++
			id := fmt.Sprint("m", f.begun)
			f.machines = append(f.machines, machine{id, id + ":8080", time.Now(), x.Tags, x.Token})
		}
	}
	f.launches[x.Token] = launch{body: body}
	return http.StatusOK, slices.DeleteFunc(slices.Clone(f.machines), func(m machine) bool { return m.token != x.Token })
}

// inject has all calls with a method fail.
func (f *fake) inject(op providertest.Op, fault providertest.Fault) (mend func(), ok bool) {
	method := map[providertest.Op]string{
		providertest.Launch: http.MethodPost, providertest.ListVMs: http.MethodGet, providertest.End: http.MethodDelete,
	}[op]
	set := func(fault providertest.Fault) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.faults[method] = fault
	}
	set(fault)
	return func() { set("") }, true
}

func TestConformance(t *testing.T) {
	providertest.Run(t, func(t *testing.T) providertest.Cloud {
		f := &fake{launches: map[string]launch{}, faults: map[string]providertest.Fault{}}
		server := httptest.NewServer(f)
		t.Cleanup(server.Close)
		return cloud(server.URL, f)
	})
}

func cloud(url string, f *fake) providertest.Cloud {
	return providertest.Cloud{
		VMs:        example.Rack{URL: url, Sold: []provisioner.VMOffer{{Name: "m", PerHour: 0.1}}},
		VMArtifact: "image-1", Setup: "the secret",
		Successor: func(*testing.T) providertest.Cloud { return cloud(url, f) },
		Launched: func() int {
			f.mu.Lock()
			defer f.mu.Unlock()
			return f.begun
		},
		Running: func() (ids []string) {
			f.mu.Lock()
			defer f.mu.Unlock()
			for _, m := range f.machines {
				ids = append(ids, m.ID)
			}
			return ids
		},
		Inject: f.inject,
		Lacks:  map[providertest.At]string{{Op: providertest.Launch, Fault: providertest.OverQuota}: "Rack has no quotas"},
	}
}

// The guide says that an adapter is short.
func TestTheAdapterIsShort(t *testing.T) {
	text, err := os.ReadFile("rack.go")
	if lines := bytes.Count(text, []byte("\n")); err != nil || lines >= 200 {
		t.Errorf("%d lines, %v", lines, err)
	}
}
