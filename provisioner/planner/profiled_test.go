package planner_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/planner"
	"github.com/serflow/serflow-go/provisioner/profile"
)

var (
	pricedVM       = provisioner.VMOffer{Name: "4-vCPU VM", VCPUs: 4, MemoryGB: 8, PerHour: 0.17}
	pricedFunction = provisioner.FunctionOffer{Name: "1769 MB function", MemoryMB: 1769, PerCall: 0.2e-6, PerGBSecond: 0.0000166667, Concurrency: 1000}
)

const profiledText = `{"version":1,"stages":["a","b"],"reach":{"shares":[1,0.25],"from":"by hand"},"bytes":{"into":[3000,9000],"answer":200},
	"offers":{
		"4-vCPU VM":{"slots":2,"boot":"30s 50s","way":"1ms","memoryMB":500,"times":[{"mean":"20ms","gain":2}]},
		"1769 MB function":{"coldStart":"2s","overhead":"3ms","way":"4ms","memoryMB":700,"times":[{"mean":"30ms"}]}}}`

func profiled(t *testing.T, text string) *profile.Document {
	t.Helper()
	d, err := profile.ReadDocument(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestAskOf(t *testing.T) {
	d := profiled(t, profiledText)
	a, err := planner.AskOf(d, []provisioner.VMOffer{{Name: "another", PerHour: 1}, pricedVM}, []provisioner.FunctionOffer{pricedFunction})
	if err != nil || len(a.VMs) != 1 || len(a.Functions) != 1 {
		t.Fatalf("%+v, %v", a, err)
	}
	vm, function := a.VMs[0], a.Functions[0]
	if vm.Offer != pricedVM || vm.Boot != 40*time.Second || vm.Slots != 2 || vm.Times.Mean(1, 16) != 160*time.Millisecond {
		t.Errorf("%+v", vm)
	}
	if function.Offer != pricedFunction || function.Cold != 2*time.Second || function.ColdShare != 0 || function.Overhead != 3*time.Millisecond || function.Times.Mean(0, 1) != 30*time.Millisecond {
		t.Errorf("%+v", function)
	}
	n := a.Network
	if n.VM.Latency != time.Millisecond || n.Function.Latency != 4*time.Millisecond || n.Answer != 200 || n.Payload[1] != 9000 || a.Memory.BaseMB != 700 || a.Reach[1] != 0.25 {
		t.Errorf("%+v", a)
	}
	a.SLO, a.Traffic = planner.SLO{Latency: 2 * time.Second}, planner.Steady(200, 20)
	var p planner.Planner
	r, err := p.Plan(a)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Plan.VMs) == 0 || r.Plan.VMs[0].MaxBatch < 2 {
		t.Errorf("batches that carry twice as much are not used: %+v", r.Plan)
	}
}

func TestAskOfRefuses(t *testing.T) {
	d := profiled(t, profiledText)
	if _, err := planner.AskOf(d, []provisioner.VMOffer{{Name: "another", PerHour: 1}}, nil); !errors.Is(err, planner.ErrAsk) {
		t.Errorf("unknown offers: %v", err)
	}
	half := profiled(t, `{"version":1,"stages":["a","b"],"offers":{"4-vCPU VM":{"times":[{"stage":"a","mean":"20ms"}]}}}`)
	var e *profile.FieldError
	if _, err := planner.AskOf(half, []provisioner.VMOffer{pricedVM}, nil); !errors.Is(err, planner.ErrAsk) || !errors.As(err, &e) || e.Stage != "b" {
		t.Errorf("a stage without times: %v", err)
	}
	if _, err := planner.AskOf(&profile.Document{}, nil, nil); !errors.Is(err, planner.ErrAsk) || !errors.As(err, &e) {
		t.Errorf("an empty profile: %v", err)
	}
}

// From a profile, here one by hand, to a plan.
func ExampleAskOf() {
	file, err := os.Open("../profile/testdata/by-hand.json")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer file.Close()
	d, err := profile.ReadDocument(file)
	if err != nil {
		fmt.Println(err)
		return
	}
	a, err := planner.AskOf(d, []provisioner.VMOffer{pricedVM}, []provisioner.FunctionOffer{pricedFunction})
	if err != nil {
		fmt.Println(err)
		return
	}
	a.SLO, a.Traffic = planner.SLO{Latency: 2 * time.Second}, planner.Steady(100, 10)
	var p planner.Planner
	r, err := p.Plan(a)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, g := range r.Plan.VMs {
		fmt.Printf("%v on %d of %q, in batches of up to %d\n", g.Stages, g.VMs, g.Offer.Name, g.MaxBatch)
	}
	// Output:
	// stages 1-4 on 2 of "4-vCPU VM", in batches of up to 4
}
