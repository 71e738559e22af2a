// Aws serves a model on EC2 and Lambda. One program is the service, the worker on VMs and the
// function: it puts itself where they find it, rents what the planner says, serves over HTTP, and ends
// everything again. Without arguments it only shows the plan and the calls that it would make:
//
//	go run ./examples/aws                  # the plan, and the exact calls; AWS is not asked
//	go run ./examples/aws -serve :8000 ... # deploys, rents, serves; see README.md for what it needs
//	go run ./examples/aws -teardown ...    # ends everything that carries the owner's tag
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/serflow/serflow-go/examples/shouting"
	"github.com/serflow/serflow-go/provisioner"
)

func main() {
	shouting.Become()
	log.SetFlags(0)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // the second interrupt ends it at once
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

// mostRate is for how many requests a second it plans at most: for absurdly many that takes for ever.
const mostRate = 1e5

// errUsage marks flags that cannot be.
var errUsage = errors.New("usage")

// settings are what flags say.
type settings struct {
	dry, teardown bool
	serve         string        // host:port
	settle        time.Duration // of teardowns

	owner, bucket, program     string
	subnets, groups            []string
	functionRole, instanceRole string
	rate                       float64
	slo                        time.Duration
	limits                     provisioner.Limits
	config                     sdk.Config
	credential                 string // of VMs, for the next start to adopt them; "" for one of this start alone
	state                      string // file in which the next start finds the scale, and what was spent today; "" for none
	arch                       string // of the program
}

func settingsOf(args []string) (s settings, err error) {
	f := flag.NewFlagSet("aws", flag.ContinueOnError)
	f.BoolVar(&s.dry, "dry-run", false, "print the plan and the calls, and ask AWS nothing: what is done without -serve and -teardown")
	f.StringVar(&s.serve, "serve", "", "deploy, rent, and serve HTTP at this host:port, until interrupted")
	f.BoolVar(&s.teardown, "teardown", false, "end everything that carries the owner's tag")
	f.StringVar(&s.owner, "owner", "shouting-example", "whose VMs and functions they are")
	f.StringVar(&s.bucket, "bucket", "example-bucket", "of S3, from which VMs fetch the program")
	f.StringVar(&s.program, "program", "", "that VMs and functions run, for Linux; default: this one")
	subnets := f.String("subnets", "subnet-home", "for VMs, with commas: that of the service first")
	groups := f.String("security-groups", "", "of VMs, with commas: they must let the service reach port 8080")
	f.StringVar(&s.functionRole, "function-role", "arn:aws:iam::123456789012:role/serflow-worker", "ARN of the role of functions")
	f.StringVar(&s.instanceRole, "instance-profile", "serflow-worker", "of VMs: it must let them read the bucket")
	f.Float64Var(&s.rate, "rate", 400, "requests a second to plan for")
	f.DurationVar(&s.slo, "slo", 300*time.Millisecond, "within which 99 % are to be answered")
	f.IntVar(&s.limits.VMs, "vms", 8, "most VMs")
	f.Float64Var(&s.limits.PerHour, "per-hour", 1, "most dollars an hour for VMs")
	f.Float64Var(&s.limits.PerDay, "per-day", 10, "most dollars a day for VMs")
	f.DurationVar(&s.settle, "settle", 10*time.Second, "for -teardown: how long no VM must have been listed, since EC2 lists with a delay")
	switch err := f.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return s, err
	case err != nil:
		return s, fmt.Errorf("%w: %w", errUsage, err)
	}
	s.subnets, s.groups = list(*subnets), list(*groups)
	s.dry = s.dry || s.serve == "" && !s.teardown
	left := missing(f, "owner", "bucket")
	switch {
	case f.NArg() > 0:
		return s, fmt.Errorf("%w: unexpected argument %q: only flags are taken (-help lists them)", errUsage, f.Arg(0))
	case s.teardown && s.serve != "":
		return s, fmt.Errorf("%w: -serve and -teardown: give one of them", errUsage)
	case !s.dry && len(left) > 0:
		return s, fmt.Errorf("%w: give %s: what stands for them in the dry run may be somebody else's", errUsage, strings.Join(left, " and "))
	case len(s.subnets) == 0 || slices.Contains(s.subnets, ""):
		return s, fmt.Errorf("%w: -subnets %q: give one or more, with commas", errUsage, *subnets)
	case !(s.rate <= mostRate):
		return s, fmt.Errorf("%w: -rate %v: give no more than %v", errUsage, s.rate, mostRate)
	case !(s.rate > 0) || s.slo <= 0 || s.settle <= 0:
		return s, fmt.Errorf("%w: -rate %v, -slo %v and -settle %v: give more than 0", errUsage, s.rate, s.slo, s.settle)
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

// run does what the arguments say.
func run(ctx context.Context, args []string, out io.Writer) error {
	s, err := settingsOf(args)
	if err != nil {
		return err
	}
	if s.dry {
		return s.dryRun(ctx, out)
	}
	if s.config, err = config.LoadDefaultConfig(ctx); err != nil {
		return err
	}
	if s.config.Region == "" {
		return errors.New("no region: set AWS_REGION, or one in ~/.aws/config")
	}
	s.credential, s.state = os.Getenv("SERFLOW_CREDENTIAL"), os.Getenv("SERFLOW_STATE") // which a dry run leaves alone
	if s.teardown {
		return s.end(ctx, out)
	}
	return s.run(ctx, out)
}
