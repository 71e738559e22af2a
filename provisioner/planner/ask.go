package planner

import (
	"errors"
	"time"

	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/provisioner/profile"
)

// ErrAsk marks a question that cannot be answered because something in it is missing or
// cannot be.
var ErrAsk = errors.New("bad question to the planner")

// Ask is what a plan is asked for.
type Ask struct {
	VMs       []VM
	Functions []Function
	SLO       SLO
	Traffic   Traffic
	// Reach is the fraction of all requests that gets as far as each stage; nil if all go
	// all the way.
	Reach   []float64
	Memory  Memory
	Network provisioner.Network
}

// SLO is the objective: a share of all requests, by default 0.99, answered within Latency.
type SLO struct {
	Quantile float64
	Latency  time.Duration
}

// Memory is what a group needs: a base and what each of its stages adds, in MB of
// 1,048,576 bytes. Without StageMB a stage adds nothing.
type Memory struct {
	BaseMB  float64
	StageMB []float64
}

// VM is a type of VM that could be rented.
type VM struct {
	Offer provisioner.VMOffer
	Times profile.Times // in a slot, with all slots busy
	Boot  time.Duration
	Slots int // batches that one VM serves at once; 0 means one for each vCPU
	// MaxBatch is the most rows in a batch; 0 means as many as the profile says are worth it.
	MaxBatch int
	// Committed is how many of this type are paid for whether they run or not. They are
	// sunk: free, and used first. An offer of the market Committed has no others.
	Committed int
	// CommittedPerHour is the price of one that is committed to, in dollars, for advice;
	// 0 if there is none.
	CommittedPerHour float64
}

// Function is a size of function that could be used.
type Function struct {
	Offer    provisioner.FunctionOffer
	Times    profile.Times // of one row at a time
	Overhead time.Duration // billed for each call, beside its stages
	Cold     time.Duration // what an instance takes to initialise; it is billed
	// ColdShare is the share of calls that meet a cold start, from 0 to 1. It is the traffic's and no property of
	// an offer, so no profile has it. Where Poisson calls of 0.3 s come steadily to instances that are kept for 5
	// minutes, it is about 0.05 at a call in 100 s, 0.0015 at one a second and 0.0002 at ten; AWS says that it is
	// typically under 0.01. Default: 0, which leaves the bill and the latency of cold starts out. Count yours and
	// set it where calls are rare or come in bursts, such as behind VMs that are seldom full: at 0.01 a cold start that
	// is longer than the SLO alone uses up what a p99 allows to be late.
	ColdShare float64
}
