package main

import (
	"context"
	"fmt"

	"github.com/serflow/serflow-go/examples/fashionmnist/model"
	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/provisioner/simulate/depth"
)

const (
	modelName = "fashionmnist"
	bound     = 0.5 // points of accuracy that exits may lose
)

// network is what a simulation needs to know of the model.
type network struct {
	cost  []float64 // multiply-adds of each stage
	exits *depth.Recorded
}

// readModel finds where each validation image leaves the committed model.
func readModel(ctx context.Context) (network, error) {
	v, err := model.Validation()
	if err != nil {
		return network{}, err
	}
	found, err := exit.Search(ctx, v, exit.Options{Bound: bound, Seed: 1})
	if err != nil {
		return network{}, err
	}
	recorded, err := depth.NewRecorded(depth.Exits{Model: modelName, Stages: exitsOf(v, found.Policies)}, modelName, len(v.Cost))
	if err != nil {
		return network{}, fmt.Errorf("exits of the validation images: %w", err)
	}
	return network{cost: v.Cost, exits: recorded}, nil
}

// exitsOf is the stage at which each row leaves.
func exitsOf(v exit.Validation, policies []exit.Policy) []int {
	stages := make([]int, len(v.Labels))
	for i := range stages {
		var d exit.Decision
		for k, p := range policies {
			d = p.Decide(v.Logits[k][i*v.Classes:(i+1)*v.Classes], d.State)
			if d.Leave {
				stages[i] = k
				break
			}
		}
	}
	return stages
}

// full is the multiply-adds of all stages.
func (n network) full() (sum float64) {
	for _, c := range n.cost {
		sum += c
	}
	return sum
}

// mean is the multiply-adds of a request, on average.
func (n network) mean() (sum float64) {
	for k, reach := range n.exits.Reach() {
		sum += reach * n.cost[k]
	}
	return sum
}
