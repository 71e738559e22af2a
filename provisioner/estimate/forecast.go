package estimate

import (
	"encoding/json"
	"fmt"
	"time"
)

// Forecast says at which rates requests may come: soon, until a VM that is ordered now would
// serve, and later, when it does. It answers with distributions, because overflow is convex in
// the rate: what a VM is worth does not follow from the mean.
//
// A forecast is the level of now times a ratio. The level is an average that reaches back some
// minutes in steady traffic and starts anew when the counts jump. The ratios are what came of
// earlier forecasts: each block of counts is held against the levels that were seen before it,
// some of them up to a boot before for soon, and a boot before for later. There are three
// histograms of each: for a level as usual, well above and well below. So how often a burst
// outlasts a boot is learned and not assumed.
//
// Blocks are 10 seconds, and longer at low rates, so that one holds some 100 requests: what is
// left of Poisson noise in a ratio is a tenth.
//
// Time of day is not used. A boot takes minutes, in which a daily curve moves by a percent or
// two, and what each minute of the day had brought on earlier days as one more situation made
// CostOptimal dearer on recorded traffic with bursts, not cheaper.
//
// The zero value is ready to use. It is not safe for concurrent use.
type Forecast struct{ forecast }

// forecast is what a Forecast remembers.
type forecast struct {
	cursor
	Block block    `json:"block"`
	Level level    `json:"level"`
	Made  promises `json:"made"`
	Near  view     `json:"near"` // soon
	Far   view     `json:"far"`  // later
}

// view is a time ahead.
type view struct {
	Outcomes [situations]outcomes `json:"outcomes"` // by situation, in which the forecast was made
	Rates    Rates                `json:"rates"`    // the forecast of now
}

// Observe takes one-second counts. A VM that is ordered serves after boot.
func (f *Forecast) Observe(counts Counts, boot time.Duration) {
	lead := int64(min(max(boot, 0), 24*time.Hour) / time.Second)
	f.take(counts, func(second int64, x float64) {
		if f.Block.add(second, x) {
			mean, length := f.Block.close()
			f.learn(second+1-length, mean, lead)
			f.Level.add(mean, float64(length))
			f.Made.add(promise{second + 1, f.Level.Mean, f.Level.situation()}, lead)
			f.look(f.Level.Mean)
		}
	})
	if f.Known > 0 && f.Level.Blocks == 0 { // better than nothing
		mean, _ := f.Block.peek()
		f.look(mean)
	}
}

// Ready tells whether there has been a count at all.
func (f *Forecast) Ready() bool { return f.Known > 0 }

// Soon is the rates to reckon with until a VM that is ordered now would serve.
func (f *Forecast) Soon() Rates { return f.Near.Rates }

// Later is the rates to reckon with when it does.
func (f *Forecast) Later() Rates { return f.Far.Rates }

// learn notes what has come, in a block that began at a second, of earlier forecasts.
func (f *Forecast) learn(begin int64, mean float64, lead int64) {
	note := func(v *view, ago int64) {
		if p, ok := f.Made.at(begin-ago, lead); ok && p.Level > 0 {
			v.Outcomes[p.Situation].add(mean / p.Level)
		}
	}
	note(&f.Near, 0)
	note(&f.Near, lead/2)
	note(&f.Near, lead)
	note(&f.Far, lead)
}

func (f *Forecast) look(level float64) {
	s := f.Level.situation()
	f.Near.Rates = f.Near.Outcomes[s].rates(level)
	f.Far.Rates = f.Far.Outcomes[s].rates(level)
}

// MarshalJSON is the memory.
func (f *Forecast) MarshalJSON() ([]byte, error) { return json.Marshal(f.forecast) }

// UnmarshalJSON takes up what MarshalJSON has written. Its error wraps ErrState, and then
// nothing changes.
func (f *Forecast) UnmarshalJSON(data []byte) error {
	var m forecast
	if err := json.Unmarshal(data, &m); err != nil {
		return fmt.Errorf("%w: %w", ErrState, err)
	}
	if err := m.check(); err != nil {
		return err
	}
	f.forecast = m
	return nil
}
