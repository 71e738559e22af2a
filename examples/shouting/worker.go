package shouting

import (
	"github.com/serflow/serflow-go/providers/aws/lambdaworker"
	"github.com/serflow/serflow-go/providers/aws/spot"
	"github.com/serflow/serflow-go/providers/gcp/preemption"
	"github.com/serflow/serflow-go/stage/worker"
)

// Become makes this program what it was started as, and returns if that is the service: a function of
// Lambda, a container of Cloud Run, or the worker on a VM of either cloud. There it waits for the notice
// of both: what asks the other cloud's metadata server hears nothing, says so once, and gives up.
func Become() {
	lambdaworker.Main(Model)
	worker.Main(Model, worker.InterruptWhen(spot.Notice), worker.InterruptWhen(spot.Rebalance), worker.InterruptWhen(preemption.Notice))
}
