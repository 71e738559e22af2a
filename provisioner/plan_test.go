package provisioner_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/stage"
)

func TestPlanValidate(t *testing.T) {
	vm := provisioner.VMOffer{Name: "v", PerHour: 1}
	fn := provisioner.FunctionOffer{Name: "f", MemoryMB: 1024, PerGBSecond: 1}
	vms := func(first, last int) []provisioner.VMGroup {
		return []provisioner.VMGroup{{Stages: stage.Range{First: first, Last: last}, Offer: vm, VMs: 1}}
	}
	functions := func(first, last int) []provisioner.FunctionGroup {
		return []provisioner.FunctionGroup{{Stages: stage.Range{First: first, Last: last}, Offer: fn}}
	}
	for name, c := range map[string]struct {
		plan provisioner.Plan
		want string // in the error; "" for none
	}{
		"VMs only":             {provisioner.Plan{VMs: vms(0, 2)}, ""},
		"functions only":       {provisioner.Plan{Functions: functions(0, 2)}, ""},
		"each where it is":     {provisioner.Plan{VMs: vms(0, 1), Functions: functions(1, 2), Reach: []float64{1, 0.5, 0.5}}, ""},
		"a hole":               {provisioner.Plan{VMs: vms(0, 0), Functions: functions(2, 2)}, "nothing serves stage 2 of 3"},
		"nothing":              {provisioner.Plan{}, "nothing serves stage 1"},
		"past the model":       {provisioner.Plan{VMs: vms(0, 3)}, "in a model of 3"},
		"before the model":     {provisioner.Plan{VMs: vms(-1, 2)}, "in a model of 3"},
		"backwards":            {provisioner.Plan{VMs: vms(2, 0)}, "in a model of 3"},
		"two groups of a kind": {provisioner.Plan{VMs: append(vms(0, 1), vms(1, 2)...)}, "stage 2 is in two VM groups"},
		"two functions":        {provisioner.Plan{Functions: append(functions(0, 1), functions(1, 2)...)}, "stage 2 is in two function groups"},
		"no price":             {provisioner.Plan{VMs: []provisioner.VMGroup{{Stages: stage.Range{Last: 2}, Offer: provisioner.VMOffer{Name: "v"}}}}, "give its price"},
		"negative price":       {provisioner.Plan{Functions: []provisioner.FunctionGroup{{Stages: stage.Range{Last: 2}, Offer: provisioner.FunctionOffer{Name: "f", MemoryMB: 1, PerGBSecond: -1}}}}, "give its prices"},
		"negative VMs":         {provisioner.Plan{VMs: []provisioner.VMGroup{{Stages: stage.Range{Last: 2}, Offer: vm, VMs: -1}}}, "nothing negative"},
		"negative instances":   {provisioner.Plan{Functions: []provisioner.FunctionGroup{{Stages: stage.Range{Last: 2}, Offer: fn, Warm: -2}}}, "-2 instances to begin with: give nothing negative"},
		"negative cold start":  {provisioner.Plan{Functions: []provisioner.FunctionGroup{{Stages: stage.Range{Last: 2}, Offer: fn, Cold: -1}}}, "cold start of -1ns"},
		"short reach":          {provisioner.Plan{VMs: vms(0, 2), Reach: []float64{1}}, "give one for each"},
		"reach below 1":        {provisioner.Plan{VMs: vms(0, 2), Reach: []float64{0.9, 0.5, 0.5}}, "the first 1"},
		"reach that rises":     {provisioner.Plan{VMs: vms(0, 2), Reach: []float64{1, 0.5, 0.6}}, "falls"},
		"reach that is none":   {provisioner.Plan{VMs: vms(0, 2), Reach: []float64{1, math.NaN(), 0.6}}, "falls"},
	} {
		err := c.plan.Validate(3)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want != "" && (!errors.Is(err, provisioner.ErrPlan) || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: error %v, want one about %q", name, err, c.want)
		}
	}
	if err := (provisioner.Plan{}).Validate(0); !errors.Is(err, provisioner.ErrPlan) {
		t.Errorf("a model without stages: %v", err)
	}
}

func TestGoOn(t *testing.T) {
	p := provisioner.Plan{Reach: []float64{1, 0.5, 0.1, 0}}
	for _, c := range []struct {
		from, to int
		want     float64
	}{{0, 0, 1}, {0, 1, 0.5}, {1, 2, 0.2}, {2, 3, 0}, {3, 3, 0}} {
		if got := p.GoOn(c.from, c.to); got != c.want {
			t.Errorf("from %d to %d: %v, want %v", c.from, c.to, got, c.want)
		}
	}
	if got := (provisioner.Plan{}).GoOn(0, 5); got != 1 {
		t.Errorf("without a reach %v, want 1", got)
	}
}
