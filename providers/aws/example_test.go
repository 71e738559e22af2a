package aws_test

import (
	"context"
	"fmt"

	"github.com/serflow/serflow-go/providers/aws"
)

// Two types on the spot market, of which the cheaper is launched if there is one, beside one on
// demand. Spot prices change: give those that you pay.
func ExampleVMs() {
	types := aws.Known("c7g.large", "m7g.large")
	spot := aws.Known("c7g.large", "m7g.large")
	spot[0].PerHour, spot[1].PerHour = 0.028, 0.033
	vms := aws.VMs(aws.VMOptions{
		Sold:    []aws.VM{aws.OnDemand(types[0]), aws.Spot(0.05, spot...)},
		Subnets: []string{"subnet-home", "subnet-away"},
		Image:   "ami-0abc",
	})
	offers, err := vms.Offers(context.Background())
	if err != nil {
		panic(err)
	}
	for _, o := range offers {
		fmt.Printf("%s: %v vCPUs (%s), at most $%v an hour\n", o.Name, o.VCPUs, o.Arch, o.PerHour)
	}
	// Output:
	// c7g.large: 2 vCPUs (arm64), at most $0.0725 an hour
	// c7g.large spot: 2 vCPUs (arm64), at most $0.033 an hour
}
