package catalogue_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/provisioner/simulate/catalogue"
)

// Each profile can be planned for at each cloud that has offers for it, and says where it is from.
func TestProfilesAndPrices(t *testing.T) {
	planned := 0
	for _, name := range catalogue.Profiles() {
		d, err := catalogue.Profile(name)
		if err != nil {
			t.Fatal(name, err)
		}
		if d.Source == "" || len(d.Assumed) == 0 || d.Reach == nil || d.Bytes == nil {
			t.Errorf("%s: source %q, assumed %q, %v, %v", name, d.Source, d.Assumed, d.Reach, d.Bytes)
		}
		for _, cloud := range catalogue.Sheets() {
			s, err := catalogue.Prices(cloud)
			if err != nil {
				t.Fatal(cloud, err)
			}
			known, vms, functions, err := s.Offers(d)
			if err != nil {
				t.Fatal(name, cloud, err)
			}
			a, err := planner.AskOf(known, vms, functions)
			if err != nil {
				t.Fatal(name, cloud, err)
			}
			if len(a.VMs) == 0 || len(a.VMs) != len(vms) || len(a.Functions) != len(functions) || a.VMs[0].Boot == 0 {
				t.Errorf("%s at %s: %d VMs and %d functions", name, cloud, len(a.VMs), len(a.Functions))
			}
			planned++
		}
	}
	if planned != 10 {
		t.Errorf("%d of 5 profiles at 2 clouds", planned)
	}
	for _, cloud := range catalogue.Sheets() {
		s, _ := catalogue.Prices(cloud)
		for _, v := range s.VMs {
			if v.Dated == "" || v.Source == "" {
				t.Errorf("%s: no date or source", v.Name)
			}
		}
		for _, f := range s.Functions {
			if f.Dated == "" || f.Source == "" {
				t.Errorf("%s: no date or source", f.Name)
			}
		}
		for what, has := range map[string]bool{
			"spot": slices.ContainsFunc(s.VMs, func(v catalogue.VM) bool { return v.Market == "spot" }),
			"arm":  slices.ContainsFunc(s.VMs, func(v catalogue.VM) bool { return v.Arch == "arm64" }),
		} {
			if !has {
				t.Errorf("%s has no %s", cloud, what)
			}
		}
	}
}

// The times are those that the design has.
func TestShapes(t *testing.T) {
	for name, want := range map[string]string{
		"vgg16": "[500µs 700µs 1.3ms 1.8ms 1.3ms]", "resnet-50": "[12ms 14ms 20ms 14ms]", "bert-base": "[45ms 45ms 45ms 45ms]",
	} {
		d, _ := catalogue.Profile(name)
		p, err := d.Profile("vCPU")
		if err != nil {
			t.Fatal(err)
		}
		var means []time.Duration
		for s := range d.Stages {
			means = append(means, p.Mean(s, 1).Round(time.Microsecond))
		}
		sheet, _ := catalogue.Prices("aws")
		if pass, mean, err := sheet.Work(d); err != nil || !(mean > 0 && mean < pass) || math.Abs(pass-p.Mean(0, 1).Seconds()*sum(means)/means[0].Seconds()) > 1e-5 {
			t.Errorf("%s: %v of %v s, %v", name, mean, pass, err)
		}
		if fmt.Sprint(means) != want {
			t.Errorf("%s: %v, want %v", name, means, want)
		}
	}
}

func sum(all []time.Duration) (seconds float64) {
	for _, d := range all {
		seconds += d.Seconds()
	}
	return seconds
}

func TestNamesThatAreNot(t *testing.T) {
	if _, err := catalogue.Profile("lenet"); err == nil || !strings.Contains(err.Error(), "bert-base, fashion-mnist") {
		t.Error(err)
	}
	if _, err := catalogue.Prices("abc"); err == nil || !strings.Contains(err.Error(), "aws, gcp") {
		t.Error(err)
	}
}

func TestReadSheetRefuses(t *testing.T) {
	for text, says := range map[string]string{
		`{`:                      "unexpected",
		`{"price":1}`:            "unknown field",
		`{"vms":[{"name":"a"}]}`: "give its price",
		`{"vms":[{"name":"a","perHour":1},{"name":"a","perHour":1}]}`:                                "two rows",
		`{"vms":[{"name":"a","perHour":1,"market":"reserved"}]}`:                                     "write spot",
		`{"functions":[{"name":"a","memoryMB":1}]}`:                                                  "give its prices",
		`{"vms":[{"name":"a","perHour":1}],"functions":[{"name":"a","memoryMB":1,"perGBSecond":1}]}`: "two rows",
	} {
		if _, err := catalogue.ReadSheet(strings.NewReader(text)); !errors.Is(err, catalogue.ErrSheet) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", text, err, says)
		}
	}
	s, err := catalogue.ReadSheet(strings.NewReader(`{"name":"one","vms":[{"name":"a","like":"b","perHour":1}]}`))
	if err != nil {
		t.Fatal(err)
	}
	d, _ := catalogue.Profile("vgg16")
	if _, _, _, err := s.Offers(d); !errors.Is(err, catalogue.ErrSheet) {
		t.Error(err)
	}
}
