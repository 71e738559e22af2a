package providers_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/mock"
	"github.com/serflow/serflow-go/provisioner"
)

// A launch that is refused is over; after any other error, VMs may be there.
func ExampleRefused() {
	offer := provisioner.VMOffer{Name: "small", PerHour: 0.04}
	world, _ := mock.NewWorld(mock.Config{Outages: []mock.Window{{To: time.Hour}}}, rand.New(rand.NewPCG(1, 1)))
	cloud, _ := mock.Open(mock.Options{World: world, VMs: []provisioner.VMOffer{offer}})
	defer cloud.Close()

	var vms providers.VMs = cloud.VMs()
	_, err := vms.Launch(context.Background(), providers.Launch{Token: "shop-1", Owner: "shop", Offer: offer, VMs: 2})
	fmt.Println(providers.Refused(err), errors.Is(err, providers.ErrInsufficientCapacity))
	fmt.Println(err)
	// Output:
	// true true
	// mock: launch: insufficient capacity: 2 VMs of "small" (try later, or another offer)
}
