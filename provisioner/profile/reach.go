package profile

// Where a reach comes from.
const (
	FromValidation = "validation" // the logits of validation samples
	FromPipeline   = "pipeline"   // requests that were served
	FromHand       = "by hand"
)

// Reach is the fraction of all requests that gets as far as each stage: the first is 1, and none is
// above the one before.
type Reach struct {
	Shares []float64 `json:"shares"`
	From   string    `json:"from"` // such as FromValidation
}

// ReachOf is the reach of the fractions of requests that leave at each stage, as exit.Search and
// exit.Replay find them on validation logits; counts do as well.
func ReachOf(from string, leave []float64) *Reach {
	all, gone := 0.0, 0.0
	for _, x := range leave {
		all += x
	}
	r := &Reach{From: from}
	for k, x := range leave {
		share := 1.0
		if k > 0 {
			share = max(1-gone/all, 0)
		}
		r.Shares = append(r.Shares, share)
		gone += x
	}
	return r
}
