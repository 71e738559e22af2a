// Gcp serves a model on Compute Engine and Cloud Run. One program is the service, the worker on VMs
// and the function: it rents what the planner says, serves over HTTP, and ends everything again. VMs
// and functions run the same container image, which the Dockerfile builds. Without arguments it only
// shows the plan and the calls that it would make:
//
//	go run ./examples/gcp                  # the plan, and the exact calls; Google Cloud is not asked
//	go run ./examples/gcp -serve :8000 ... # rents, serves; see README.md for what it needs
//	go run ./examples/gcp -teardown ...    # ends everything that carries the owner's tag
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"google.golang.org/api/option"

	"github.com/serflow/serflow-go/examples/shouting"
	"github.com/serflow/serflow-go/provisioner"
)

func main() {
	shouting.Become()
	log.SetFlags(0)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage):
		log.Print(err)
		os.Exit(2)
	case err != nil:
		log.Fatal(err)
	}
}

// errUsage marks flags that cannot be.
var errUsage = errors.New("usage")

// settings are what flags say.
type settings struct {
	dry, teardown bool
	serve         string        // host:port
	settle        time.Duration // of teardowns

	owner, project, image string
	zones, tags           []string
	subnetwork, account   string
	port                  int
	spot                  float64 // dollars an hour; 0 if on demand
	rate                  float64
	slo                   time.Duration
	limits                provisioner.Limits
	credential            string // of VMs, for the next start to adopt them; "" for one of this start alone
	state                 string // file that keeps scale and spending; "" for none
	reached               reached
}

// reached is how Google Cloud is reached; the zero value is by application default credentials.
type reached struct {
	vms, functions []option.ClientOption
	services       *http.Client
	token          func(ctx context.Context, audience string) (string, error)
}

func settingsOf(args []string) (s settings, err error) {
	f := flag.NewFlagSet("gcp", flag.ContinueOnError)
	f.BoolVar(&s.dry, "dry-run", false, "print the plan and the calls, and ask Google Cloud nothing: what is done without -serve and -teardown")
	f.StringVar(&s.serve, "serve", "", "rent, and serve HTTP at this host:port, until interrupted")
	f.BoolVar(&s.teardown, "teardown", false, "end everything that carries the owner's tag")
	f.StringVar(&s.owner, "owner", "shouting-example", "whose VMs and functions they are")
	f.StringVar(&s.project, "project", "example-project", "ID of the project")
	f.StringVar(&s.image, "image", "us-central1-docker.pkg.dev/example-project/shop/worker:1", "container image of this program, in Artifact Registry")
	zones := f.String("zones", "us-central1-a,us-central1-b", "for VMs, with commas: that of the service first; functions are in their region")
	f.StringVar(&s.subnetwork, "subnetwork", "", "for VMs, with Private Google Access; default: that of the network default")
	tags := f.String("tags", "serflow-worker", "network tags of VMs, with commas: firewall rules must let the service reach their port")
	f.IntVar(&s.port, "port", 8080, "that workers on VMs listen at")
	f.StringVar(&s.account, "account", "serflow-worker@example-project.iam.gserviceaccount.com", "service account of VMs and functions: it must let VMs read the image")
	f.Float64Var(&s.spot, "spot", 0, "dollars an hour that you expect to pay for a spot VM; 0: on demand")
	f.Float64Var(&s.rate, "rate", 400, "requests a second to plan for")
	f.DurationVar(&s.slo, "slo", 300*time.Millisecond, "within which 99 % are to be answered")
	f.IntVar(&s.limits.VMs, "vms", 8, "most VMs")
	f.Float64Var(&s.limits.PerHour, "per-hour", 1, "most dollars an hour for VMs")
	f.Float64Var(&s.limits.PerDay, "per-day", 10, "most dollars a day for VMs")
	f.DurationVar(&s.settle, "settle", 10*time.Second, "for -teardown: how long no VM must have been listed, since lists may be behind")
	switch err := f.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return s, err
	case err != nil:
		return s, fmt.Errorf("%w: %w", errUsage, err)
	}
	s.zones, s.tags = list(*zones), list(*tags)
	s.dry = s.dry || s.serve == "" && !s.teardown
	left := missing(f, "owner", "project")
	if s.serve != "" {
		left = append(left, missing(f, "image")...)
	}
	switch {
	case f.NArg() > 0:
		return s, fmt.Errorf("%w: unexpected argument %q: only flags are taken (-help lists them)", errUsage, f.Arg(0))
	case s.teardown && s.serve != "":
		return s, fmt.Errorf("%w: -serve and -teardown: give one of them", errUsage)
	case !s.dry && len(left) > 0:
		return s, fmt.Errorf("%w: give %s: what stands for them in the dry run may be somebody else's", errUsage, strings.Join(left, " and "))
	case s.rate > 1e7:
		return s, fmt.Errorf("%w: -rate %v: give no more than ten million", errUsage, s.rate)
	case !(s.rate > 0) || s.slo <= 0 || s.settle <= 0 || !(s.spot >= 0):
		return s, fmt.Errorf("%w: -rate %v, -slo %v, -settle %v and -spot %v: give more than 0", errUsage, s.rate, s.slo, s.settle, s.spot)
	case len(s.zones) == 0 || strings.Count(s.zones[0], "-") != 2:
		return s, fmt.Errorf("%w: -zones %v: give zones such as us-central1-a", errUsage, s.zones)
	}
	return s, nil
}

// missing are those of some flags that have been left at their defaults, which are the dry run's.
func missing(f *flag.FlagSet, names ...string) (left []string) {
	for _, name := range names {
		set := false
		f.Visit(func(flag *flag.Flag) { set = set || flag.Name == name })
		if !set {
			left = append(left, "-"+name)
		}
	}
	return left
}

func list(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

// region is that of the zones.
func (s settings) region() string { return s.zones[0][:strings.LastIndexByte(s.zones[0], '-')] }

// run does what the arguments say.
func run(ctx context.Context, args []string, out io.Writer) error {
	s, err := settingsOf(args)
	switch {
	case err != nil:
		return err
	case s.dry:
		return s.dryRun(ctx, out)
	}
	s.credential, s.state = os.Getenv("SERFLOW_CREDENTIAL"), os.Getenv("SERFLOW_STATE") // which a dry run leaves alone
	if s.teardown {
		return s.end(ctx, out)
	}
	return s.run(ctx, out)
}
