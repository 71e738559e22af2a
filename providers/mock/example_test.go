package mock_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/fault"
	"github.com/serflow/serflow-go/providers/mock"
	"github.com/serflow/serflow-go/provisioner"
)

// A simulation keeps its own time: half an hour passes in two lines.
func ExampleWorld() {
	world, err := mock.NewWorld(mock.Config{
		Cold:      mock.Spread{Median: 2 * time.Second},
		KeepAlive: 10 * time.Minute,
	}, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		panic(err)
	}
	size := provisioner.FunctionOffer{Name: "1769 MB", MemoryMB: 1769, PerGBSecond: 0.0000166667}
	for _, minute := range []time.Duration{0, 5, 30} {
		cold, _ := world.Call(minute*time.Minute, 0, size)
		fmt.Println("at minute", int(minute), "a call waits for", cold)
		world.Return(minute*time.Minute+cold, 0)
	}
	fmt.Printf("%+v\n", world.Calls(0))
	// Output:
	// at minute 0 a call waits for 2s
	// at minute 5 a call waits for 0s
	// at minute 30 a call waits for 2s
	// {Warm:1 Cold:2 Throttled:0 Running:0}
}

// A program that rents is tested against a provider in memory.
func ExampleProvider() {
	ctx := context.Background()
	offer := provisioner.VMOffer{Name: "small", PerHour: 0.04}
	cloud, err := mock.Open(mock.Options{VMs: []provisioner.VMOffer{offer}})
	if err != nil {
		panic(err)
	}
	defer cloud.Close()

	vms := cloud.VMs()
	launch := providers.Launch{Token: "shop-1", Owner: "shop", Offer: offer, VMs: 2}
	for range 2 { // one token launches once
		if _, err := vms.Launch(ctx, launch); err != nil {
			panic(err)
		}
	}
	list, err := vms.List(ctx, "shop")
	if err != nil {
		panic(err)
	}
	for _, vm := range list {
		fmt.Println(vm.ID, vm.Offer.Name, vm.Stages)
	}
	// Output:
	// vm-1 small stage 1
	// vm-2 small stage 1
}

// A test sees what a program makes of a cloud that takes no more calls.
func ExampleProvider_Inject() {
	ctx := context.Background()
	offer := provisioner.VMOffer{Name: "small", PerHour: 0.04}
	cloud, err := mock.Open(mock.Options{VMs: []provisioner.VMOffer{offer}})
	if err != nil {
		panic(err)
	}
	defer cloud.Close()

	mend, err := cloud.Inject(fault.Launch, fault.Throttled)
	if err != nil {
		panic(err)
	}
	launch := providers.Launch{Token: "shop-1", Owner: "shop", Offer: offer, VMs: 1}
	_, err = cloud.VMs().Launch(ctx, launch)
	fmt.Println(errors.Is(err, providers.ErrThrottled), err)
	mend()
	vms, err := cloud.VMs().Launch(ctx, launch)
	fmt.Println(len(vms), err)
	// Output:
	// true mock: launch: throttled: injected: throttled (mend what was injected)
	// 1 <nil>
}
