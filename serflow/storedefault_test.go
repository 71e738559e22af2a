package serflow_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/mock"
	"github.com/serflow/serflow-go/serflow"
)

// billed are VMs that somebody sends a bill for.
type billed struct{ providers.VMs }

func (billed) Name() string { return "billed" }

// home has user's files be in a folder of the test's, and returns where state is kept by default.
func home(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"XDG_CONFIG_HOME", "HOME", "AppData"} {
		t.Setenv(name, t.TempDir())
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "serflow")
}

// A service that rents and says nothing of State goes on at its scale, and with what it has spent today, as one
// with a State does; and says where that is kept.
func TestStateIsKeptByDefault(t *testing.T) {
	dir := home(t)
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, &mock.Config{Boot: mock.Spread{Median: 40 * time.Second}}, cheap)
		var log told
		same := []serflow.Option{serflow.On(billed{s.vms()}, s.lambdas()), serflow.Owner("test"), serflow.Credential("a-secret-of-the-owner")}
		p := s.scaled(t, &log, serflow.Scaling{}, same...)
		send(t, p, 12, 10*time.Minute)
		had := vmIDs(p)
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, "test@"+rentedModel.Name+".json")
		if n := log.count("file=" + file); n != 1 || log.count("msg=remembered") != 0 {
			t.Errorf("%s is named %d times: %s", file, n, log.String())
		}
		if saved, err := os.ReadFile(file); err != nil || !strings.Contains(string(saved), `"spent"`) {
			t.Errorf("%s, %v", saved, err)
		}
		if all, _ := os.ReadDir(dir); len(all) != 1 {
			t.Errorf("%v is left, beside the file", all)
		}
		p = s.scaled(t, &log, serflow.Scaling{}, same...)
		defer s.closed(t, p)
		send(t, p, 12, time.Minute)
		if got := vmIDs(p); len(had) < 4 || len(got) < len(had) || log.count("msg=remembered") != 1 {
			t.Errorf("had %v, and after a restart %v: %s", had, got, log.String())
		}
	})
}

// Nothing is written where it is not wanted, and where nothing is rented that would be there at the next start.
func TestStateIsNotKeptByDefault(t *testing.T) {
	for name, more := range map[string]func(s *skies) []serflow.Option{
		"State(nil)": func(s *skies) []serflow.Option {
			return []serflow.Option{serflow.On(billed{s.vms()}, s.lambdas()), serflow.State(nil)}
		},
		"a nil of a type": func(s *skies) []serflow.Option {
			return []serflow.Option{serflow.On(billed{s.vms()}, s.lambdas()), serflow.State((*kept)(nil))}
		},
		"VMs of this machine": func(s *skies) []serflow.Option { return nil },
		"Recommend": func(s *skies) []serflow.Option {
			return []serflow.Option{serflow.On(billed{s.vms()}, s.lambdas()), serflow.Recommend()}
		},
	} {
		dir := home(t)
		synctest.Test(t, func(t *testing.T) {
			s := newSkies(t, rentedModel, nil, cheap)
			var log told
			p := s.scaled(t, &log, serflow.Scaling{}, more(s)...)
			send(t, p, 2, 3*time.Minute)
			s.closed(t, p)
			if _, err := os.Stat(dir); !os.IsNotExist(err) || log.count("kept") > 0 {
				t.Errorf("%s: %v; %s", name, err, log.String())
			}
		})
	}
}

// Profile rents for a moment, and leaves the state of the service that has the same owner alone.
func TestProfileKeepsNoState(t *testing.T) {
	dir := home(t)
	synctest.Test(t, func(t *testing.T) {
		s := profiled(t)
		defer s.closed(t, nil)
		if _, err := serflow.Profile(t.Context(), rentedModel, manySamples(32), serflow.Profiling{Offers: []string{vmOffer.Name}, VMs: 1}, s.options(serflow.On(billed{s.vms()}, s.lambdas()))...); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(dir); !os.IsNotExist(err) {
			t.Error(err)
		}
	})
}

// Where the file cannot be, the service runs without it and says so, once.
func TestStateThatCannotBeKept(t *testing.T) {
	dir := home(t)
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil { // a file where the folder should be stops root too
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		s := newSkies(t, rentedModel, nil, cheap)
		var log told
		p := s.scaled(t, &log, serflow.Scaling{}, serflow.On(billed{s.vms()}, s.lambdas()))
		send(t, p, 2, 5*time.Minute)
		s.closed(t, p)
		if log.count("level=WARN msg=\"nothing is kept") != 1 || log.count("not saved") > 0 || !strings.Contains(log.String(), dir) {
			t.Error(log.String())
		}
	})
}

// Whatever owners are called, each has one file in the folder, and none has another's.
func TestWhereStateIsKept(t *testing.T) {
	dir, seen := home(t), map[string]bool{}
	for _, names := range [][2]string{{"..", ".."}, {"../shop", "m"}, {"/etc/shop", "m"}, {"a", "b@c"}, {"a@b", "c"}, {"a", "b"}, {`C:\a*`, "?"}} {
		file, err := serflow.DefaultFile(names[0], names[1])
		base := filepath.Base(string(file))
		if err != nil || filepath.Dir(string(file)) != dir || seen[base] || strings.ContainsAny(base, `\:*?/`) {
			t.Errorf("%q: %s, %v", names, file, err)
		}
		seen[base] = true
	}
}
