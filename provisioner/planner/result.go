package planner

import (
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/stage"
)

// Result is the best plan that was found and what it follows from.
type Result struct {
	Choice
	// Uniform is the best plan with one VM group and one function group, both of the whole
	// model; nil if there is none.
	Uniform *Choice
	// PerStage is the best plan whose groups have one stage each; nil if there is none.
	PerStage *Choice
	// Commitments are what would be worth committing to, where there is a price for that.
	Commitments []Commitment
	// SLO is the one that the plan was made for, with its quantile.
	SLO SLO

	p *problem
}

// Choice is a plan with its figures. Dollars are per hour, rates are requests per second.
type Choice struct {
	Plan      provisioner.Plan
	Bill      Bill
	VMs       []VMFigures   // of the plan's VM groups
	Functions []CallPrice   // of its function groups
	Without   []NoVMs       // stages that have no VMs
	Latency   time.Duration // at the SLO's quantile; the longest Duration if it is far beyond the SLO
	Median    time.Duration // half of the requests take no longer
	InTime    float64       // share of the requests within the SLO's latency
	Calls     float64       // of functions, for each request
	// Apart is dollars per hour for half a VM, and a tenth of its VMs, of each VM group beyond the first where rates
	// vary: fleets that follow them apart have more to spare than one. It is not in the Bill, which is that of the
	// VMs planned, but a plan of several groups has to save it.
	Apart float64
}

// Bill is dollars per hour. What has been committed to already is not in it.
type Bill struct{ VMs, Functions, Transfer float64 }

// Total is all of it.
func (b Bill) Total() float64 { return b.VMs + b.Functions + b.Transfer }

// VMFigures are what the number of VMs of a group follows from.
type VMFigures struct {
	Rate      float64 // that comes to the group: lambda_g
	Overflow  float64 // share of it that the VMs do not carry
	Saturated float64 // mu_sat: of one VM with all slots busy
	PerCall   float64 // c_f: dollars that a request costs if the VMs do not carry it, beyond what it costs if they do
	TCIP      float64 // the rate at which one full VM costs what functions would; 0 if it is paid for anyway
	SCIP      float64 // the reach at which it does at the present rate of all requests
	// Flips is the rate of all requests below which the first VM would no longer pay.
	Flips   float64
	Carried *Carried // nil for a plan of one group a stage
}

// CallPrice is what a function group costs.
type CallPrice struct {
	PerCall  float64 // dollars for a call from its first stage: fee, GB-seconds, rounding, cold starts, transfer
	NeedsMB  float64
	Expected time.Duration // of such a call
}

// NoVMs is stages that only functions serve, and the VM that comes closest to paying for
// itself there.
type NoVMs struct {
	Stages stage.Range
	Rate   float64 // that comes to them
	Offer  string  // "" if no offer could ever pay
	TCIP   float64
	SCIP   float64
	Flips  float64 // the rate of all requests above which its first VM would pay
}
