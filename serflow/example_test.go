package serflow_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/serflow/serflow-go/providers/local"
	"github.com/serflow/serflow-go/providers/mock"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/serflow"
	"github.com/serflow/serflow-go/stage"
)

// A program that calls worker.Main(model) first in its main rents subprocesses of its own,
// by which it sees what a cloud would do.
func ExampleOn() {
	cloud, err := local.Open(local.Options{
		Program:   local.Self,
		VMs:       []local.VM{{Offer: provisioner.VMOffer{Name: "small", VCPUs: 1, PerHour: 0.04}}},
		Functions: []local.Function{{Offer: provisioner.FunctionOffer{Name: "1769 MB", MemoryMB: 1769, PerCall: 2e-7, PerGBSecond: 1.66667e-5}}},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer cloud.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	p, err := serflow.Open(ctx, rentedModel,
		serflow.On(cloud.VMs(), cloud.Functions()), serflow.Owner("example"),
		serflow.Limits(provisioner.Limits{VMs: 1, PerHour: 0.04, PerDay: 1}), serflow.SLO(10*time.Second))
	if err != nil {
		log.Fatal(err)
	}
	defer p.Teardown(ctx)
	r, err := p.Infer(ctx, stage.Float32("x", []int64{4}, []float32{1, 0, 0, 0}))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("it left at exit %d with class %d, and the request cost something: %t\n", r.Exit, r.Class, r.Dollars > 0)
	// Output: it left at exit 1 with class 1, and the request cost something: true
}

// A careful owner first has it said what scaling would do and cost. The pipeline serves in process.
func ExampleRecommend() {
	cloud, err := mock.Open(mock.Options{
		VMs:       []provisioner.VMOffer{{Name: "small", VCPUs: 1, PerHour: 0.04}},
		Functions: []provisioner.FunctionOffer{{Name: "1769 MB", MemoryMB: 1769, PerCall: 2e-7, PerGBSecond: 1.66667e-5}},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer cloud.Close()
	ctx := context.Background()
	p, err := serflow.Open(ctx, rentedModel,
		serflow.On(cloud.VMs(), cloud.Functions()), serflow.Owner("example"), serflow.Limits(provisioner.Limits{VMs: 8, PerHour: 0.4, PerDay: 5}),
		serflow.Scale(serflow.Scaling{}), serflow.Recommend())
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()
	r, err := p.Infer(ctx, stage.Float32("x", []int64{4}, []float32{1, 0, 0, 0}))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s, %d VMs; the bill of what was not rented is there: %t\n", r.Path[0].Provider, len(p.Stats().VMs), p.Stats().Recommended != nil)
	// Output: in-process, 0 VMs; the bill of what was not rented is there: true
}

// State in a file lets the next run go on with the scale of this one.
func ExampleFile() {
	folder, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	ctx, file := context.Background(), serflow.File(filepath.Join(folder, "shop.json"))
	_, err = file.Load(ctx)
	fmt.Println("nothing yet:", errors.Is(err, fs.ErrNotExist))
	if err := file.Save(ctx, []byte("{}")); err != nil {
		log.Fatal(err)
	}
	data, err := file.Load(ctx)
	fmt.Println(string(data), err)
	// Output:
	// nothing yet: true
	// {} <nil>
}
