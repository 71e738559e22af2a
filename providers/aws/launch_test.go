package aws_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"

	"github.com/serflow/serflow-go/internal/fakeaws"
	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/aws"
)

const (
	run       = "ec2:RunInstances"
	describe  = "ec2:DescribeInstances"
	terminate = "ec2:TerminateInstances"
)

func isError(t *testing.T, err, want error, says ...string) {
	t.Helper()
	var e *providers.Error
	if !errors.Is(err, want) || !errors.As(err, &e) || e.Provider != "aws" || e.Op == "" {
		t.Errorf("%v, want a *providers.Error with %v", err, want)
	}
	for _, part := range says {
		if err != nil && !strings.Contains(err.Error(), part) {
			t.Errorf("%v: it does not say %q", err, part)
		}
	}
}

// where is the type and subnet of each VM, in the order of launch.
func where(cloud *fakeaws.Cloud, vms []providers.Instance) (places []string) {
	for _, vm := range vms {
		with := cloud.Launch(vm.ID)
		places = append(places, with["InstanceType"][0]+" "+with["NetworkInterface.1.SubnetId"][0])
	}
	return places
}

// The cheapest type that is to be had is taken, in the home zone before the other unless crossing costs
// less than a dearer type, and the next makes up for what is missing. Each VM says its own price.
func TestFallback(t *testing.T) {
	for _, c := range []struct {
		crossing float64
		rooms    [4]int // of c7g and then m7g, at home and away
		want     []string
	}{
		{0, [4]int{0, -1, -1, -1}, []string{"m7g.large subnet-home", "m7g.large subnet-home", "m7g.large subnet-home"}},
		{0, [4]int{1, 1, 1, 1}, []string{"c7g.large subnet-home", "m7g.large subnet-home", "c7g.large subnet-away"}},
		{0.0092, [4]int{1, 1, 1, 1}, []string{"c7g.large subnet-home", "m7g.large subnet-home", "c7g.large subnet-away"}},
		{0.009, [4]int{-1, -1, -1, -1}, []string{"c7g.large subnet-home", "c7g.large subnet-home", "c7g.large subnet-home"}},
		{0.009, [4]int{0, -1, -1, -1}, []string{"c7g.large subnet-away", "c7g.large subnet-away", "c7g.large subnet-away"}},
		{0.009, [4]int{1, 1, -1, -1}, []string{"c7g.large subnet-home", "c7g.large subnet-away", "m7g.large subnet-home"}},
		{0.009, [4]int{0, 0, 0, 2}, []string{"m7g.large subnet-away", "m7g.large subnet-away"}},
		{0.009, [4]int{0, 0, 0, 0}, nil},
	} {
		bubble(t, func(t *testing.T) {
			cloud := newCloud()
			for i, place := range [][2]string{{"c7g.large", "subnet-home"}, {"c7g.large", "subnet-away"}, {"m7g.large", "subnet-home"}, {"m7g.large", "subnet-away"}} {
				cloud.Room(place[0], place[1], c.rooms[i])
			}
			o := options(cloud)
			o.Crossing = c.crossing
			e := aws.VMs(o)
			l := launchOf(e, t, "a", 3)
			vms, err := e.Launch(t.Context(), l)
			if got := where(cloud, vms); !slices.Equal(got, c.want) {
				t.Errorf("%v: %v", c.rooms, got)
			}
			if len(c.want) == 0 {
				isError(t, err, providers.ErrInsufficientCapacity, "c7g.large in subnet-home", "m7g.large in subnet-away")
				if calls := cloud.Calls()[run]; calls != 4 {
					t.Errorf("%d calls: each place is asked once", calls)
				}
			} else if err != nil {
				t.Error(err)
			}
			for i, vm := range vms {
				if want := map[bool]float64{true: 0.0725, false: 0.0816}[strings.HasPrefix(c.want[i], "c7g")]; vm.Offer.PerHour != want || vm.Offer.Name != "c7g.large" {
					t.Errorf("%s costs %v and is called %s", c.want[i], vm.Offer.PerHour, vm.Offer.Name)
				}
			}
			time.Sleep(time.Minute)
			if list, err := e.List(t.Context(), "shop"); err != nil || !slices.Equal(list, vms) {
				t.Errorf("listed: %+v, %v; want %+v", list, err, vms)
			}
		})
	}
}

// While the market asks more than the offer says, there is no such VM, whatever the limits allow.
func TestASpotPriceThatHasRisen(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newCloud()
		o := options(cloud)
		o.Sold = []aws.VM{aws.Spot(0.05, aws.Type{Name: "c7g.large", Arch: "arm64", VCPUs: 2, MemoryGB: 4, PerHour: 0.0299})}
		e := aws.VMs(o)
		_, err := e.Launch(t.Context(), launchOf(e, t, "a", 1))
		isError(t, err, providers.ErrInsufficientCapacity, "price")
		if cloud.Launched() > 0 {
			t.Errorf("%d launched", cloud.Launched())
		}
	})
}

// The answer of the second place is lost. Whoever asks again goes on there, with what the first
// has granted; nothing is launched twice, however often the connection breaks.
func TestAnAnswerIsLostHalfWay(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newCloud()
		cloud.Room("c7g.large", "subnet-home", 1)
		cloud.Fail(run, "", fakeaws.AnswerLost)
		e := aws.VMs(options(cloud))
		l := launchOf(e, t, "a", 3)
		for range 2 {
			_, err := e.Launch(t.Context(), l)
			isError(t, err, providers.ErrUnavailable)
		}
		cloud.Fail(run)
		vms, err := e.Launch(t.Context(), l)
		if want := []string{"c7g.large subnet-home", "m7g.large subnet-home", "m7g.large subnet-home"}; err != nil || !slices.Equal(where(cloud, vms), want) || cloud.Launched() != 3 {
			t.Errorf("%v, %v; %d launched", where(cloud, vms), err, cloud.Launched())
		}
	})
}

// What was granted before the rest is refused is kept, and is all that comes of the token.
func TestPartGrantedAndPartRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newCloud()
		cloud.Room("c7g.large", "subnet-home", 1)
		cloud.Fail(run, "", fakeaws.Denied)
		e := aws.VMs(options(cloud))
		l := launchOf(e, t, "a", 3)
		for range 2 {
			if vms, err := e.Launch(t.Context(), l); err != nil || len(vms) != 1 || cloud.Launched() != 1 {
				t.Errorf("%v, %v; %d launched", vms, err, cloud.Launched())
			}
			cloud.Fail(run)
		}
	})
}

// A try whose answer is lost has launched; that the SDK's next try is refused says nothing of it.
func TestARefusalAfterALostAnswerIsNone(t *testing.T) {
	for _, then := range []fakeaws.Fault{fakeaws.Throttled, fakeaws.Denied} {
		bubble(t, func(t *testing.T) {
			cloud := newCloud()
			cloud.Fail(run, fakeaws.AnswerLost, then)
			e := aws.VMs(options(cloud))
			l := launchOf(e, t, "a", 2)
			_, err := e.Launch(t.Context(), l)
			isError(t, err, providers.ErrUnavailable)
			if providers.Refused(err) || cloud.Launched() != 2 {
				t.Errorf("%v: %d VMs are there", err, cloud.Launched())
			}
			cloud.Fail(run)
			if vms, err := e.Launch(t.Context(), l); err != nil || len(vms) != 2 || cloud.Launched() != 2 {
				t.Errorf("asked again: %v, %v; %d launched", vms, err, cloud.Launched())
			}
		})
	}
}

// The same over two calls: what is refused is the second, and the first has launched.
func TestARefusalOfALaterCallSaysNothingOfTheFirst(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newCloud()
		e := aws.VMs(options(cloud))
		l := launchOf(e, t, "a", 2)
		cloud.Fail(run, fakeaws.AnswerLost)
		_, err := e.Launch(t.Context(), l)
		isError(t, err, providers.ErrUnavailable)
		cloud.Fail(run, fakeaws.Throttled)
		_, err = e.Launch(t.Context(), l)
		isError(t, err, providers.ErrThrottled)
		cloud.Fail(run)
		if vms, err := e.Launch(t.Context(), l); err != nil || len(vms) != 2 || cloud.Launched() != 2 {
			t.Errorf("%v, %v; %d launched", vms, err, cloud.Launched())
		}
	})
}

// EC2 answers the request of a predecessor again, with what has ended since.
func TestASuccessorIsNotTakenInByWhatHasEnded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newCloud()
		o := options(cloud)
		o.Subnets, o.Sold = o.Subnets[:1], []aws.VM{aws.OnDemand(aws.Known("c7g.large")...)}
		first := aws.VMs(o)
		l := launchOf(first, t, "a", 2)
		vms, _ := launched(t, cloud, first, l)
		cloud.Reclaim(vms[0].ID)
		time.Sleep(time.Minute)
		second := aws.VMs(o)
		if again, err := second.Launch(t.Context(), l); err != nil || len(again) != 1 || again[0].ID != vms[1].ID || cloud.Launched() != 2 {
			t.Errorf("%+v, %v; %d launched", again, err, cloud.Launched())
		}
		if list, err := second.List(t.Context(), "shop"); err != nil || len(list) != 1 {
			t.Errorf("%v, %v", list, err)
		}
	})
}

// Two subnets of one zone are two places, though EC2's tokens are of the zone.
func TestTwoSubnetsOfOneZone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newCloud()
		cloud.Room("c7g.large", "subnet-home", 1)
		o := options(cloud)
		o.Subnets = []string{"subnet-home", "subnet-next"}
		e := aws.VMs(o)
		if vms, err := e.Launch(t.Context(), launchOf(e, t, "a", 3)); err != nil || len(vms) != 3 {
			t.Errorf("%v, %v", vms, err)
		}
	})
}

// The first process was granted the second place, and died. Now there is room in the first place,
// which its successor would take, did it not look.
func TestASuccessorDoesNotLaunchAgainElsewhere(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newCloud()
		rooms(cloud, 0, -1)
		first := aws.VMs(options(cloud))
		l := launchOf(first, t, "a", 2)
		vms, _ := launched(t, cloud, first, l)
		rooms(cloud, -1, -1)
		time.Sleep(time.Minute)
		second := aws.VMs(options(cloud))
		again, err := second.Launch(t.Context(), l)
		if err != nil || !slices.Equal(again, vms) || cloud.Launched() != 2 {
			t.Errorf("%+v, %v, want %+v; %d launched", again, err, vms, cloud.Launched())
		}
		other := l
		other.Setup = "another"
		o := options(cloud)
		o.Subnets, o.Sold = []string{"subnet-away"}, []aws.VM{o.Sold[0]}
		o.Sold[0].Types = aws.Known("c7g.large")
		_, err = aws.VMs(o).Launch(t.Context(), other)
		isError(t, err, providers.ErrInvalid, "IdempotentParameterMismatch")
	})
}

// An API that fails for ten minutes, with a caller that asks again as the fleet does.
func TestTenMinutesOfErrors(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newCloud()
		e := aws.VMs(options(cloud))
		for _, action := range []string{run, describe, terminate} {
			cloud.Fail(action, fakeaws.Unavailable)
		}
		time.AfterFunc(10*time.Minute, func() {
			for _, action := range []string{run, describe, terminate} {
				cloud.Fail(action)
			}
		})
		l := launchOf(e, t, "a", 2)
		vms, err := e.Launch(t.Context(), l)
		for ; err != nil; vms, err = e.Launch(t.Context(), l) {
			isError(t, err, providers.ErrUnavailable)
			time.Sleep(time.Minute)
		}
		if len(vms) != 2 || cloud.Launched() != 2 {
			t.Errorf("%v; %d launched", vms, cloud.Launched())
		}
	})
}

// Each has its own remedy, and nothing is launched.
func TestWhyAWSRefuses(t *testing.T) {
	wrong := func(change func(*sdk.Config)) func(*fakeaws.Cloud, *sdk.Config) {
		return func(_ *fakeaws.Cloud, c *sdk.Config) { change(c) }
	}
	for what, c := range map[string]struct {
		spoil func(*fakeaws.Cloud, *sdk.Config)
		want  error
		says  string
	}{
		"access denied": {func(cloud *fakeaws.Cloud, _ *sdk.Config) { cloud.Fail(run, fakeaws.Denied) }, providers.ErrInvalid, "allow ec2:RunInstances in the policy"},
		"over quota":    {func(cloud *fakeaws.Cloud, _ *sdk.Config) { cloud.Fail(run, fakeaws.OverQuota) }, providers.ErrLimit, "raise the quota"},
		"throttled":     {func(cloud *fakeaws.Cloud, _ *sdk.Config) { cloud.Fail(run, fakeaws.Throttled) }, providers.ErrThrottled, "later"},
		"no region":     {wrong(func(c *sdk.Config) { c.Region = "" }), providers.ErrInvalid, "AWS_REGION"},
		"wrong region":  {wrong(func(c *sdk.Config) { c.Region = "eu-west-1" }), providers.ErrInvalid, "valid region"},
		"no credentials": {wrong(func(c *sdk.Config) {
			c.Credentials = sdk.CredentialsProviderFunc(func(context.Context) (sdk.Credentials, error) {
				return sdk.Credentials{}, errors.New("none found")
			})
		}), providers.ErrInvalid, "credentials"},
		"anonymous": {wrong(func(c *sdk.Config) { c.Credentials = sdk.AnonymousCredentials{} }), providers.ErrInvalid, "credentials"},
	} {
		t.Run(what, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				cloud := newCloud()
				o := options(cloud)
				c.spoil(cloud, o.Config)
				e := aws.VMs(o)
				_, err := e.Launch(t.Context(), launchOf(e, t, "a", 1))
				isError(t, err, c.want, c.says)
				if !providers.Refused(err) || cloud.Launched() != 0 {
					t.Errorf("%v: refused %v, %d launched", err, providers.Refused(err), cloud.Launched())
				}
			})
		})
	}
}

// The SDK takes the cloud's time if ours is off.
func TestAClockThatIsOff(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newCloud()
		cloud.Skew(time.Hour)
		e := aws.VMs(options(cloud))
		if vms, err := e.Launch(t.Context(), launchOf(e, t, "a", 1)); err != nil || len(vms) != 1 {
			t.Errorf("%v, %v", vms, err)
		}
	})
}

// An image that is not there is found out at once, and condemns the plan rather than the day.
func TestAnImageThatIsNotThere(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newCloud()
		e := aws.VMs(options(cloud))
		l := launchOf(e, t, "a", 1)
		l.Artifact = "ami-gone"
		_, err := e.Launch(t.Context(), l)
		isError(t, err, providers.ErrNotFound, "ami-gone", "image of this region")
		if cloud.Calls()[run] != 1 {
			t.Errorf("%v", cloud.Calls())
		}
	})
}

// Lists are read to the last page, and what is just launched, ended or taken back is neither
// missed nor kept.
func TestListsThatAreBehind(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cloud := newCloud()
		e := aws.VMs(options(cloud))
		ctx := t.Context()
		count := func(what string, want int) {
			t.Helper()
			if list, err := e.List(ctx, "shop"); err != nil || len(list) != want {
				t.Errorf("%s: %d VMs, %v; want %d", what, len(list), err, want)
			}
		}
		var vms []providers.Instance
		for i := range 4 {
			some, _ := launched(t, cloud, e, launchOf(e, t, fmt.Sprint("t", i), 6))
			vms = append(vms, some...)
		}
		count("EC2 lists none yet", 24)
		isError(t, e.End(ctx, vms[0].ID), providers.ErrUnavailable, "end it again")
		time.Sleep(10 * time.Second)
		before := cloud.Calls()[describe]
		count("EC2 lists them all", 24)
		if pages := cloud.Calls()[describe] - before; pages != 5 {
			t.Errorf("%d pages", pages)
		}
		if err := e.End(ctx, vms[0].ID); err != nil {
			t.Error(err)
		}
		count("EC2 lists one that has ended", 23)
		cloud.Reclaim(vms[1].ID)
		time.Sleep(10 * time.Second)
		count("one was taken back", 22)
		time.Sleep(3 * time.Hour)
		count("much later", 22)
		if err := e.End(ctx, vms[0].ID); err != nil {
			t.Errorf("EC2 has forgotten it: %v", err)
		}
	})
}
