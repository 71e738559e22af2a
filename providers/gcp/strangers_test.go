package gcp_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/gcp"
)

// answering is a service that answers anything with the same.
type answering struct {
	calls  int
	status int
	header http.Header
}

func (a *answering) RoundTrip(r *http.Request) (*http.Response, error) {
	a.calls++
	return &http.Response{StatusCode: a.status, Header: a.header, Body: http.NoBody, ContentLength: 0, Request: r}, nil
}

// A call is not sent on to where an answer points: it may have run, and carries tokens.
func TestACallIsNotSentTwice(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newRun()
		o := functionOptions(t, cloud)
		to := &answering{status: http.StatusTemporaryRedirect, header: http.Header{"Location": {"https://elsewhere.test/"}}}
		o.HTTP = &http.Client{Transport: to}
		r := gcp.Functions(o)
		id := ensured(t, r, specOf(t, r))
		_, err := r.Invoke(t.Context(), id, []byte("abc"))
		if err == nil || to.calls != 1 {
			t.Errorf("%v, %d calls", err, to.calls)
		}
	})
}

// No worker can say that it took longer to begin than its call did.
func TestWhatAWorkerSaysOfItsBeginning(t *testing.T) {
	for _, says := range []string{"9000000000000000000", "-5", "soon", ""} {
		bubble(t, func(t *testing.T) {
			cloud := newRun()
			o := functionOptions(t, cloud)
			o.HTTP = &http.Client{Transport: &answering{status: http.StatusOK, header: http.Header{launch.InitHeader: {says}}}}
			r := gcp.Functions(o)
			id := ensured(t, r, specOf(t, r))
			if got, err := r.Invoke(t.Context(), id, nil); err != nil || got.Cold < 0 || got.Cold > got.Billed {
				t.Errorf("%q: %+v, %v", says, got, err)
			}
		})
	}
}

// What Cloud Run would not take is not sent.
func TestABodyThatIsTooLong(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newRun()
		r := functionsOf(t, cloud)
		id := ensured(t, r, specOf(t, r))
		before := cloud.Calls()[invoking]
		_, err := r.Invoke(t.Context(), id, make([]byte, 32<<20+1))
		isError(t, err, providers.ErrInvalid, "1 more than Cloud Run takes", "fewer rows")
		if cloud.Calls()[invoking] != before {
			t.Error("it was sent")
		}
	})
}

// An offer whose calls may take less than the options say is held to that.
func TestTheTimeoutOfAnOffer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newRun()
		short := gcp.SizeOf(1, 512, gcp.ByRequest)
		short.Offer.Timeout = 20 * time.Second
		r := functionsOf(t, cloud, func(o *gcp.FunctionOptions) { o.Sold = []gcp.Size{short} })
		id := ensured(t, r, specOf(t, r))
		if got := cloud.Service(id).Template.Timeout.AsDuration(); got != 20*time.Second {
			t.Errorf("%v", got)
		}
	})
}

// What is not ours is not ended, whoever asks.
func TestStrangersAreNotEnded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newCompute()
		e := gcp.VMs(vmOptions(cloud))
		for _, id := range []string{home + "/database", "database", "elsewhere/serflow-1", ""} {
			if err := e.End(t.Context(), id); err != nil {
				t.Errorf("%q: %v", id, err)
			}
		}
		if n := cloud.Calls()["compute.instances.delete"]; n != 0 {
			t.Errorf("%d deletions", n)
		}
	})
}

// Another owner's launch is never the answer, even if it has the same token.
func TestATokenOfAnotherOwner(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newCompute()
		e := gcp.VMs(vmOptions(cloud))
		if _, err := e.Launch(t.Context(), launchOf(t, e, "a", 1)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		other := gcp.VMs(vmOptions(cloud))
		l := launchOf(t, other, "a", 1)
		l.Owner = "other"
		if vms, err := other.Launch(t.Context(), l); err != nil || len(vms) != 1 || vms[0].Owner != "other" {
			t.Errorf("%+v, %v", vms, err)
		}
	})
}

// The cheapest type is asked for first, in whatever order they are given. Google restarts none by
// itself: what is lost is replaced, and would be billed twice.
func TestTheCheapestIsFirst(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newCompute()
		o := vmOptions(cloud)
		o.Sold = []gcp.VM{gcp.OnDemand(gcp.Known("c3-standard-4", "e2-standard-4")...)}
		e := gcp.VMs(o)
		vms, err := e.Launch(t.Context(), launchOf(t, e, "a", 1))
		if err != nil || !strings.HasPrefix(where(cloud, vms)[0], "e2-") || vms[0].Offer.PerHour != 0.134 {
			t.Fatalf("%+v, %v", vms, err)
		}
		if s := cloud.Instance(vms[0].ID).Scheduling; s.AutomaticRestart == nil || s.GetAutomaticRestart() {
			t.Errorf("%v", s)
		}
	})
}
