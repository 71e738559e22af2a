package oracle

import "github.com/serflow/serflow-go/provisioner/policy"

// Plan is what OfflineOptimal plans from the start, and its cost in the model.
func Plan(p *OfflineOptimal, g policy.Group) (wants []int, dollars float64) { return p.plan(g, 0) }

// Level solves for one VM.
func Level(rent float64, saves []float64, boot, least int, there bool) (wants []int, cost float64) {
	wants = make([]int, len(saves))
	cost, _ = level{rent, saves, boot, least, there}.solve(wants)
	return wants, cost
}
