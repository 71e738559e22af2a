package launch

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/serflow/serflow-go/stage"
)

// Setup is what an owner tells its workers through a provider, to which it is opaque.
// The zero value of a field is its default.
type Setup struct {
	Stages     stage.Range       `json:"stages"`               // that it is to serve
	Slots      int               `json:"slots,omitempty"`      // batches at once; default 1
	MaxBatch   int               `json:"maxBatch,omitempty"`   // rows in a batch; default 1
	Window     time.Duration     `json:"window,omitempty"`     // longest that a row waits for company; default what pays
	Limit      int               `json:"limit,omitempty"`      // rows at the worker; default 1024
	Need       []time.Duration   `json:"need,omitempty"`       // by stage: with less time left a row goes back
	Least      []time.Duration   `json:"least,omitempty"`      // by stage: with less than that it stays
	Rest       []time.Duration   `json:"rest,omitempty"`       // by stage: what a row seldom exceeds from there
	Curve      [][]time.Duration `json:"curve,omitempty"`      // by stage and size: what batches take; default not known
	Credential string            `json:"credential,omitempty"` // that callers must show
	Orphan     time.Duration     `json:"orphan,omitempty"`     // without a word from its owner the worker ends; default 30 min
	MaxAge     time.Duration     `json:"maxAge,omitempty"`     // at which it ends in any case; default never
	Stuck      time.Duration     `json:"stuck,omitempty"`      // a stage that runs longer on one batch makes the worker unready; default 1 min
	Generation uint64            `json:"generation,omitempty"` // of the plan that says so
}

// ParseSetup is the inverse of String.
func ParseSetup(s string) (Setup, error) {
	var setup Setup
	if s == "" {
		return setup, nil
	}
	if err := json.Unmarshal([]byte(s), &setup); err != nil {
		return setup, fmt.Errorf("the worker's setup: %w", err)
	}
	return setup, nil
}

// String is the setup as providers carry it. It holds the credential.
func (s Setup) String() string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // numbers and strings only
	}
	return string(b)
}
