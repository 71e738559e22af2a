package provisioner_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/serflow/serflow-go/provisioner"
)

// Bills worked by hand, in dollars.
func TestBillsByHand(t *testing.T) {
	vm := provisioner.VMOffer{Name: "c7i.large", PerHour: 0.09, Minimum: time.Minute}
	spot := vm
	spot.Market = provisioner.Committed
	function := provisioner.FunctionOffer{Name: "1769", MemoryMB: 1769, PerCall: 0.20 / 1e6, PerGBSecond: 0.0000166667}
	coarse := function
	coarse.Round = 100 * time.Millisecond
	for name, c := range map[string]struct{ got, want float64 }{
		"an hour":             {vm.Cost(time.Hour), 0.09},
		"the minimum":         {vm.Cost(time.Second), 0.09 / 60},
		"a second begun":      {vm.Cost(90*time.Second + 1), 0.09 * 91 / 3600},
		"committed":           {spot.Cost(time.Hour), 0},
		"a call of 10 ms":     {function.Cost(10 * time.Millisecond), 0.0000002 + 0.0000166667*1.7275390625*0.010},
		"a millisecond begun": {function.Cost(10*time.Millisecond + 1), 0.0000002 + 0.0000166667*1.7275390625*0.011},
		"rounded to 100 ms":   {coarse.Cost(10 * time.Millisecond), 0.0000002 + 0.0000166667*1.7275390625*0.1},
	} {
		if math.Abs(c.got-c.want) > 1e-12 {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
}

func TestOffersRefused(t *testing.T) {
	vm := provisioner.VMOffer{Name: "v", PerHour: 1}
	function := provisioner.FunctionOffer{Name: "f", MemoryMB: 128, PerGBSecond: 1}
	if err := errors.Join(vm.Validate(), function.Validate()); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*provisioner.VMOffer, *provisioner.FunctionOffer){
		"no name":  func(v *provisioner.VMOffer, f *provisioner.FunctionOffer) { v.Name, f.Name = "", "" },
		"no price": func(v *provisioner.VMOffer, f *provisioner.FunctionOffer) { v.PerHour, f.PerGBSecond = 0, 0 },
		"negative": func(v *provisioner.VMOffer, f *provisioner.FunctionOffer) { v.PerHour, f.PerCall = -1, -1 },
		"not a number": func(v *provisioner.VMOffer, f *provisioner.FunctionOffer) {
			v.PerHour, f.PerCall = math.NaN(), math.NaN()
		},
		"infinite": func(v *provisioner.VMOffer, f *provisioner.FunctionOffer) {
			v.PerHour, f.PerCall = math.Inf(1), math.Inf(1)
		},
		"negative minimum":                    func(v *provisioner.VMOffer, f *provisioner.FunctionOffer) { v.Minimum, f.Round = -1, -1 },
		"memory, and a limit ":                func(v *provisioner.VMOffer, f *provisioner.FunctionOffer) { v.Minimum, f.MemoryMB = -1, 0 },
		"negative interruptions, and timeout": func(v *provisioner.VMOffer, f *provisioner.FunctionOffer) { v.Interruptions, f.Timeout = -1, -1 },
		"endless interruptions, and payload": func(v *provisioner.VMOffer, f *provisioner.FunctionOffer) {
			v.Interruptions, f.Payload = math.NaN(), -1
		},
		"negative concurrency": func(v *provisioner.VMOffer, f *provisioner.FunctionOffer) { v.Minimum, f.Concurrency = -1, -1 },
	} {
		v, f := vm, function
		change(&v, &f)
		for _, err := range []error{v.Validate(), f.Validate()} {
			if !errors.Is(err, provisioner.ErrOffer) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
