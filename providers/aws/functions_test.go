package aws_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/serflow/serflow-go/internal/fakeaws"
	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/aws"
	"github.com/serflow/serflow-go/providers/providertest"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/stage"
)

const invocation = "lambda:InvokeFunction"

const role = "arn:aws:iam::123456789012:role/worker"

// newLambda is an AWS whose functions write what they are sent in capitals, in 3.2 ms.
func newLambda() *fakeaws.Cloud {
	return fakeaws.New(fakeaws.Options{
		Region: region, Page: 2, Init: 250 * time.Millisecond, Creating: 3 * time.Second,
		Function: func(payload []byte) ([]byte, error) {
			time.Sleep(3200 * time.Microsecond)
			var body []byte
			if err := json.Unmarshal(payload, &body); err != nil {
				return nil, err
			}
			switch string(body) {
			case "fail":
				return nil, errors.New("it was told to")
			case "much":
				return bytes.Repeat([]byte("x"), 7<<20), nil
			case "garbage":
				return []byte("{}"), nil
			}
			return json.Marshal(bytes.ToUpper(body))
		},
	})
}

func functionOptions(cloud *fakeaws.Cloud) aws.FunctionOptions {
	return aws.FunctionOptions{Role: role, Code: "s3://bucket/worker.zip", Config: to(cloud)}
}

func specOf(l *aws.Lambda, t *testing.T) providers.FunctionSpec {
	t.Helper()
	offers, err := l.Offers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return specWith(offers[0])
}

func specWith(o provisioner.FunctionOffer) providers.FunctionSpec {
	return providers.FunctionSpec{Owner: "shop", Offer: o, Stages: stage.Range{First: 1, Last: 2}, Setup: "secret"}
}

func ensured(t *testing.T, l *aws.Lambda, s providers.FunctionSpec) string {
	t.Helper()
	fn, err := l.Ensure(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return fn.ID
}

// conformingLambda has the faults of Ensure at one of its calls, and of lists at one of theirs.
func conformingLambda(cloud *fakeaws.Cloud, ensure, list string) providertest.Cloud {
	return providertest.Cloud{
		Functions: aws.Functions(functionOptions(cloud)), Setup: "the-secret-of-the-suite",
		FunctionArtifact: "123456789012.dkr.ecr.us-east-1.amazonaws.com/worker:1",
		Body:             []byte("abc"), Answer: []byte("ABC"), Failing: []byte("fail"),
		Spent:     func() (vms, functions float64) { return 0, cloud.FunctionDollars() },
		Successor: func(*testing.T) providertest.Cloud { return conformingLambda(cloud, ensure, list) },
		Inject: func(op providertest.Op, f providertest.Fault) (mend func(), ok bool) {
			action := map[providertest.Op]string{
				providertest.Ensure: ensure, providertest.ListFunctions: list, providertest.Invoke: invocation, providertest.Remove: "lambda:DeleteFunction",
			}[op]
			cloud.Fail(action, fakeaws.Fault(f))
			return func() { cloud.Fail(action) }, true
		},
	}
}

func TestConformanceOfLambda(t *testing.T) {
	for ensure, list := range map[string]string{
		"lambda:CreateFunction": "lambda:ListFunctions", "lambda:PublishVersion": "lambda:ListTags",
		"lambda:CreateAlias": "lambda:ListTags", "lambda:GetFunctionConfiguration": "lambda:ListTags", "lambda:GetAlias": "lambda:ListTags",
	} {
		t.Run(ensure, func(t *testing.T) {
			providertest.RunInBubble(t, func(t *testing.T) providertest.Cloud { return conformingLambda(newLambda(), ensure, list) })
		})
	}
}

// Bills by hand: 250 ms to initialise and 3.2 ms to run are 254 ms, then 4 ms. What the program
// itself writes that looks like a report is not believed.
func TestTheReportIsTheBill(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newLambda()
		l := aws.Functions(functionOptions(cloud))
		s := specOf(l, t)
		id := ensured(t, l, s)
		for _, want := range []providers.Invocation{
			{Billed: 254 * time.Millisecond, Cold: 250 * time.Millisecond}, {Billed: 4 * time.Millisecond},
		} {
			got, err := l.Invoke(t.Context(), id, []byte("abc"))
			if err != nil || string(got.Body) != "ABC" || got.Billed != want.Billed || got.Cold != want.Cold {
				t.Errorf("%+v, %v; want %+v", got, err, want)
			}
		}
		cloud.Fail(invocation, fakeaws.NoReport)
		if got, err := l.Invoke(t.Context(), id, nil); err != nil || got.Billed != 3200*time.Microsecond || len(got.Body) != 0 {
			t.Errorf("without a report: %+v, %v", got, err)
		}
		if want := s.Offer.Cost(254*time.Millisecond) + 2*s.Offer.Cost(4*time.Millisecond); cloud.FunctionDollars() < want*(1-1e-9) || cloud.FunctionDollars() > want*(1+1e-9) {
			t.Errorf("%v dollars, want %v", cloud.FunctionDollars(), want)
		}
	})
}

// Each failure has its own remedy, and what it is billed for.
func TestWhyFunctionsFail(t *testing.T) {
	for what, c := range map[string]struct {
		fault  fakeaws.Fault
		body   string
		want   error
		billed time.Duration
		says   []string
	}{
		"its own error":     {"", "fail", providers.ErrFunction, 254 * time.Millisecond, []string{"it was told to", "/aws/lambda/"}},
		"a time-out":        {fakeaws.TimedOut, "abc", providers.ErrFunction, 60250 * time.Millisecond, []string{"timed out", "FunctionOptions.Timeout"}},
		"out of memory":     {fakeaws.OutOfMemory, "abc", providers.ErrFunction, 254 * time.Millisecond, []string{"1769 MB", "more memory"}},
		"no initialisation": {fakeaws.InitFailed, "abc", providers.ErrFunction, 254 * time.Millisecond, []string{"exit status 1", "/aws/lambda/"}},
		"a long answer":     {"", "much", providers.ErrFunction, 254 * time.Millisecond, []string{"fewer rows"}},
		"garbage":           {"", "garbage", providers.ErrFunction, 254 * time.Millisecond, []string{"base64"}},
		"throttled":         {fakeaws.Throttled, "abc", providers.ErrThrottled, 0, []string{"later"}},
		"denied":            {fakeaws.Denied, "abc", providers.ErrInvalid, 0, []string{"allow lambda:InvokeFunction"}},
		"500":               {fakeaws.Unavailable, "abc", providers.ErrUnavailable, 0, nil},
	} {
		t.Run(what, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				cloud := newLambda()
				l := aws.Functions(functionOptions(cloud))
				id := ensured(t, l, specOf(l, t))
				cloud.Fail(invocation, c.fault)
				got, err := l.Invoke(t.Context(), id, []byte(c.body))
				isError(t, err, c.want, c.says...)
				if got.Billed != c.billed || cloud.Calls()[invocation] != 1 {
					t.Errorf("billed %v in %d calls, want %v in one", got.Billed, cloud.Calls()[invocation], c.billed)
				}
			})
		})
	}
}

// A call runs no longer than its offer allows.
func TestTheTimeoutOfAnOffer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newLambda()
		o := functionOptions(cloud)
		o.Sold = aws.Sizes()[:1]
		o.Sold[0].Timeout = 5 * time.Second
		l := aws.Functions(o)
		id := ensured(t, l, specOf(l, t))
		cloud.Fail(invocation, fakeaws.TimedOut)
		got, err := l.Invoke(t.Context(), id, []byte("abc"))
		isError(t, err, providers.ErrFunction, "timed out")
		if got.Billed != 5250*time.Millisecond {
			t.Errorf("billed %v", got.Billed)
		}
	})
}

// A body that cannot fit is refused before it is sent; one that just fits is not.
func TestPayloads(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newLambda()
		l := aws.Functions(functionOptions(cloud))
		s := specOf(l, t)
		id := ensured(t, l, s)
		if got, err := l.Invoke(t.Context(), id, make([]byte, s.Offer.Payload)); err != nil || len(got.Body) != s.Offer.Payload {
			t.Errorf("%d bytes, %v", len(got.Body), err)
		}
		_, err := l.Invoke(t.Context(), id, make([]byte, s.Offer.Payload+4))
		isError(t, err, providers.ErrInvalid, "4 more than Lambda takes")
		if cloud.Calls()[invocation] != 1 {
			t.Errorf("%v", cloud.Calls())
		}
	})
}

// late keeps the body of a call, as the writer of a connection does that is behind.
type late struct {
	fakeaws.Client
	body io.Reader
	log  string
}

func (l *late) Do(r *http.Request) (*http.Response, error) {
	l.body = r.Body
	header := http.Header{"X-Amz-Log-Result": {base64.StdEncoding.EncodeToString([]byte(l.log))}}
	return &http.Response{StatusCode: 200, Header: header, Body: io.NopCloser(strings.NewReader(`"QUJD"`))}, nil
}

// The SDK closes bodies when the head of an answer is there: ours can be read to its end even then.
func TestABodyOutlivesItsAnswer(t *testing.T) {
	o := functionOptions(newLambda())
	slow := &late{log: "REPORT RequestId: 1\tBilled Duration: 4 ms\tInit Duration: 250.30 ms\t\n"}
	o.Config.HTTPClient = slow
	got, err := aws.Functions(o).Invoke(t.Context(), "f", []byte("abc"))
	if err != nil || string(got.Body) != "ABC" || got.Billed != 4*time.Millisecond || got.Cold != got.Billed { // of what was billed
		t.Fatalf("%+v, %v", got, err)
	}
	if sent, err := io.ReadAll(slow.body); err != nil || string(sent) != `"YWJj"` {
		t.Errorf("%q, %v", sent, err)
	}
}

// A caller who waits no more does not end the call.
func TestACallThatIsGivenUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newLambda()
		l := aws.Functions(functionOptions(cloud))
		id := ensured(t, l, specOf(l, t))
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_, err := l.Invoke(ctx, id, []byte("abc"))
		isError(t, err, context.DeadlineExceeded)
		time.Sleep(time.Second)
		if cloud.FunctionDollars() == 0 {
			t.Error("it was not billed")
		}
	})
}

// A clock that is off costs a call one more try, and it runs once.
func TestAClockThatIsOffDuringCalls(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newLambda()
		l := aws.Functions(functionOptions(cloud))
		id := ensured(t, l, specOf(l, t))
		cloud.Skew(time.Hour)
		for _, tries := range []int{2, 3} {
			got, err := l.Invoke(t.Context(), id, []byte("abc"))
			if err != nil || string(got.Body) != "ABC" || cloud.Calls()[invocation] != tries {
				t.Errorf("%q, %v, after %d tries", got.Body, err, cloud.Calls()[invocation])
			}
		}
	})
}

// Code that is not there is found out at once, and leaves no function.
func TestCodeThatIsNotThere(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newLambda()
		l := aws.Functions(functionOptions(cloud))
		cloud.Fail("lambda:CreateFunction", fakeaws.NoImage)
		_, err := l.Ensure(t.Context(), specOf(l, t))
		isError(t, err, providers.ErrNotFound, "Source image", "give an artifact that is there")
		if cloud.Functions() != 0 || cloud.Calls()["lambda:CreateFunction"] != 1 {
			t.Errorf("%d functions, %v", cloud.Functions(), cloud.Calls())
		}
	})
}

// What is reserved for a function is its own: others cannot use it up, and it gets no more.
func TestReservedConcurrency(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := fakeaws.New(fakeaws.Options{Region: region, Calls: 103, Function: func(payload []byte) ([]byte, error) {
			time.Sleep(time.Minute)
			return payload, nil
		}})
		o := functionOptions(cloud)
		o.Reserved = 3
		ours := aws.Functions(o)
		s := specOf(ours, t)
		if s.Offer.Concurrency != 3 {
			t.Errorf("%d calls are offered", s.Offer.Concurrency)
		}
		o.Reserved = 0
		others := aws.Functions(o)
		id, other := ensured(t, ours, s), ensured(t, others, specOf(others, t))
		call := func(l *aws.Lambda, id string) (answered, throttled int) {
			errs := make(chan error)
			for range 105 {
				go func() {
					_, err := l.Invoke(t.Context(), id, []byte("abc"))
					errs <- err
				}()
			}
			for range 105 {
				switch err := <-errs; {
				case err == nil:
					answered++
				case errors.Is(err, providers.ErrThrottled):
					throttled++
				default:
					t.Error(err)
				}
			}
			return answered, throttled
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			if n, _ := call(others, other); n != 100 {
				t.Errorf("%d calls of the others were answered", n)
			}
		}()
		time.Sleep(time.Second)
		if n, throttled := call(ours, id); n != 3 || throttled != 102 {
			t.Errorf("%d calls were answered, %d throttled", n, throttled)
		}
		<-done
		o.Reserved = 4
		_, err := aws.Functions(o).Ensure(t.Context(), s)
		isError(t, err, providers.ErrNotFound) // it is of another offer
		more := aws.Functions(o)
		_, err = more.Ensure(t.Context(), specOf(more, t))
		isError(t, err, providers.ErrLimit, "reserve fewer")
		o.Reserved = -1
		_, err = aws.Functions(o).Offers(t.Context())
		isError(t, err, providers.ErrInvalid, "Reserved")
	})
}

// What a function is told is in its environment, and in no tag.
func TestWhatAFunctionIsTold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newLambda()
		l := aws.Functions(functionOptions(cloud))
		id := ensured(t, l, specOf(l, t))
		want := map[string]string{"SERFLOW_WORKER": "lambda", "SERFLOW_START": `{"kind":"function","listen":"","setup":"secret","pace":1}`}
		if got := cloud.Variables(id); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%v, want %v", got, want)
		}
	})
}

// New code under the same path goes live once it has answered, and not if it cannot start. No call
// meets a moment without a version.
func TestNewCode(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newLambda()
		path := filepath.Join(t.TempDir(), "worker.zip")
		write := func(text string) {
			t.Helper()
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		o := functionOptions(cloud)
		o.Code = path
		l := aws.Functions(o)
		s := specOf(l, t)
		write("one")
		id := ensured(t, l, s)
		ensured(t, l, s)
		if cloud.Live(id) != "1" || cloud.Calls()["lambda:UpdateFunctionCode"] != 0 {
			t.Errorf("version %s, %v", cloud.Live(id), cloud.Calls())
		}
		write("two, which cannot start")
		cloud.Fail(invocation, fakeaws.InitFailed)
		_, err := l.Ensure(t.Context(), s)
		isError(t, err, providers.ErrFunction, "exit status 1")
		if cloud.Live(id) != "1" {
			t.Errorf("version %s is live", cloud.Live(id))
		}
		cloud.Fail(invocation)
		write("three")
		ensured(t, l, s)
		if cloud.Live(id) != "3" {
			t.Errorf("version %s is live", cloud.Live(id))
		}
		if got, err := l.Invoke(t.Context(), id, []byte("abc")); err != nil || got.Cold != 0 {
			t.Errorf("the first call of the new version: %+v, %v", got, err)
		}
	})
}

// What an object or a tag holds now is what runs, under a new name too; what has not changed makes no
// version.
func TestNewCodeUnderAName(t *testing.T) {
	const image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/worker"
	for _, names := range [][4]string{
		{"s3://bucket/worker.zip", "bucket/worker.zip", "s3://bucket/next.zip", "bucket/next.zip"},
		{image + ":1", image + ":1", image + ":2", image + ":2"},
	} {
		bubble(t, func(t *testing.T) {
			cloud := newLambda()
			o := functionOptions(cloud)
			live := func(want string) {
				t.Helper()
				l := aws.Functions(o)
				if id := ensured(t, l, specOf(l, t)); cloud.Live(id) != want {
					t.Errorf("%s: version %s is live, want %s", o.Code, cloud.Live(id), want)
				}
			}
			o.Code = names[0]
			cloud.Put(names[1], []byte("one"))
			live("1")
			live("1")
			cloud.Put(names[1], []byte("two"))
			live("2")
			o.Code = names[2]
			live("3")
			cloud.Put(names[3], []byte("four"))
			live("4")
			live("4")
		})
	}
}

// What is not code is part of a function's name: with another role or time-out, or as an image, it is another.
func TestNewOptionsMakeAnotherFunction(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newLambda()
		ids := map[string]bool{}
		for _, change := range []func(*aws.FunctionOptions){
			func(*aws.FunctionOptions) {},
			func(o *aws.FunctionOptions) { o.Role += "2" },
			func(o *aws.FunctionOptions) { o.Timeout = 2 * time.Minute },
			func(o *aws.FunctionOptions) { o.Code = "123456789012.dkr.ecr.us-east-1.amazonaws.com/worker:1" },
		} {
			o := functionOptions(cloud)
			change(&o)
			l := aws.Functions(o)
			id := ensured(t, l, specOf(l, t))
			if again := ensured(t, aws.Functions(o), specOf(l, t)); again != id {
				t.Errorf("%+v: %s and %s", o, id, again)
			}
			ids[id] = true
		}
		if len(ids) != 4 {
			t.Errorf("%v", ids)
		}
	})
}

// Code that Lambda takes and cannot use is named, keeps no function from its calls, and can be mended.
func TestCodeThatLambdaCannotUse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newLambda()
		l := aws.Functions(functionOptions(cloud))
		s := specOf(l, t)
		broken := func(action string) {
			t.Helper()
			cloud.Fail(action, fakeaws.NotMade)
			for range 2 {
				_, err := l.Ensure(t.Context(), s)
				isError(t, err, providers.ErrInvalid, "cannot be read")
			}
			cloud.Fail(action)
		}
		broken("lambda:CreateFunction")
		id := ensured(t, l, s)
		cloud.Put("bucket/worker.zip", []byte("two"))
		broken("lambda:UpdateFunctionCode")
		if _, err := l.Invoke(t.Context(), id, []byte("abc")); err != nil || cloud.Live(id) != "1" || cloud.Functions() != 1 {
			t.Errorf("%v; version %s is live", err, cloud.Live(id))
		}
		ensured(t, l, s)
		if cloud.Live(id) != "2" {
			t.Errorf("version %s is live", cloud.Live(id))
		}
	})
}

// Lambda refuses changes while it makes one for another process: that is waited for.
func TestLambdaIsAtWorkForAnother(t *testing.T) {
	for _, action := range []string{"lambda:UpdateFunctionCode", "lambda:PublishVersion"} {
		bubble(t, func(t *testing.T) {
			cloud := newLambda()
			l := aws.Functions(functionOptions(cloud))
			s := specOf(l, t)
			ensured(t, l, s)
			cloud.Put("bucket/worker.zip", []byte("two"))
			cloud.Fail(action, fakeaws.Busy, fakeaws.Busy, "")
			before := cloud.Calls()[action]
			if id := ensured(t, l, s); cloud.Live(id) != "2" || cloud.Calls()[action] != before+3 {
				t.Errorf("%s: version %s is live, after %d calls", action, cloud.Live(id), cloud.Calls()[action]-before)
			}
		})
	}
}

// Wherever Ensure is broken off, the next call takes it to its end, and there is one function.
func TestEnsureGoesOnWhereItWasBrokenOff(t *testing.T) {
	for _, action := range []string{"lambda:CreateFunction", "lambda:GetFunctionConfiguration", "lambda:PublishVersion", "lambda:GetAlias", "lambda:CreateAlias"} {
		for _, f := range []fakeaws.Fault{fakeaws.Unavailable, fakeaws.AnswerLost, fakeaws.Throttled, fakeaws.Denied} {
			bubble(t, func(t *testing.T) {
				cloud := newLambda()
				l := aws.Functions(functionOptions(cloud))
				s := specOf(l, t)
				cloud.Fail(action, f)
				if _, err := l.Ensure(t.Context(), s); err == nil {
					t.Errorf("%s, %s: no error", action, f)
				}
				cloud.Fail(action)
				id := ensured(t, l, s)
				if _, err := l.Invoke(t.Context(), id, []byte("abc")); err != nil {
					t.Errorf("%s, %s: %v", action, f, err)
				}
				if list, err := l.List(t.Context(), "shop"); err != nil || len(list) != 1 {
					t.Errorf("%s, %s: %v, %v", action, f, list, err)
				}
			})
		}
	}
}

// What the SDK's next try finds there was made by the one whose answer was lost.
func TestOneLostAnswerIsNoError(t *testing.T) {
	for _, action := range []string{"lambda:CreateFunction", "lambda:PublishVersion", "lambda:CreateAlias"} {
		bubble(t, func(t *testing.T) {
			cloud := newLambda()
			l := aws.Functions(functionOptions(cloud))
			cloud.Fail(action, fakeaws.AnswerLost, "")
			if id := ensured(t, l, specOf(l, t)); cloud.Live(id) != "1" || cloud.Calls()[action] != 2 {
				t.Errorf("%s: version %q, %d calls", action, cloud.Live(id), cloud.Calls()[action])
			}
		})
	}
}

func TestWhatCannotBeAFunction(t *testing.T) {
	for what, c := range map[string]struct {
		options func(*aws.FunctionOptions)
		spec    func(*providers.FunctionSpec)
		says    string
	}{
		"no role":                {options: func(o *aws.FunctionOptions) { o.Role = "" }, says: "FunctionOptions.Role"},
		"no code":                {options: func(o *aws.FunctionOptions) { o.Code = "" }, says: "FunctionOptions.Code"},
		"a zip that is missing":  {spec: func(s *providers.FunctionSpec) { s.Artifact = "/no/such.zip" }, says: "no such file"},
		"an object without key":  {spec: func(s *providers.FunctionSpec) { s.Artifact = "s3://bucket" }, says: "s3://bucket/key"},
		"another kind of code":   {spec: func(s *providers.FunctionSpec) { s.Artifact = "ami-1" }, says: "image on ECR"},
		"half a second":          {options: func(o *aws.FunctionOptions) { o.Timeout = time.Second / 2 }, says: "whole seconds"},
		"two offers of one name": {options: func(o *aws.FunctionOptions) { o.Sold = append(aws.Sizes(), aws.Sizes()[0]) }, says: "one name"},
		"another architecture": {options: func(o *aws.FunctionOptions) {
			o.Sold = aws.Sizes()
			o.Sold[1].Arch = "riscv64"
		}, says: "riscv64"},
		"a long setup": {spec: func(s *providers.FunctionSpec) { s.Setup = strings.Repeat("x", 5000) }, says: "more than Lambda takes"},
		"a long owner": {spec: func(s *providers.FunctionSpec) { s.Owner = strings.Repeat("é", 100) }, says: "344 more"},
	} {
		t.Run(what, func(t *testing.T) {
			cloud := newLambda()
			o := functionOptions(cloud)
			s := specOf(aws.Functions(o), t)
			if c.options != nil {
				c.options(&o)
			}
			if c.spec != nil {
				c.spec(&s)
			}
			_, err := aws.Functions(o).Ensure(t.Context(), s)
			isError(t, err, providers.ErrInvalid, c.says)
			if len(cloud.Calls()) != 0 {
				t.Errorf("called: %v", cloud.Calls())
			}
		})
	}
}
