package serflow

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Latency is a sketch of durations from 1 microsecond to 1 hour, within 1 %.
// Sketches of several processes can be merged: as JSON one keeps all that it has seen.
// NewLatency makes one to record in; the zero Latency has seen nothing, and only be read.
// Not safe for concurrent use; the ones that Stats returns are the caller's.
type Latency struct{ h *hdrhistogram.Histogram }

// NewLatency returns an empty sketch.
func NewLatency() Latency { return Latency{hdrhistogram.New(1, time.Hour.Microseconds(), 2)} }

// Record adds a duration; one outside the range counts as its nearest end.
func (l Latency) Record(d time.Duration) {
	// RecordValue fails only outside the range, which the clamp excludes.
	_ = l.h.RecordValue(min(max(d.Microseconds(), 1), time.Hour.Microseconds()))
}

// Merge adds what another sketch has seen.
func (l Latency) Merge(other Latency) {
	if other.h != nil {
		l.h.Merge(other.h)
	}
}

// Count is the number of recorded durations.
func (l Latency) Count() int64 {
	if l.h == nil {
		return 0
	}
	return l.h.TotalCount()
}

// Quantile is the duration below which the share q, from 0 to 1, of the recorded
// ones lie; 0 if there are none.
func (l Latency) Quantile(q float64) time.Duration {
	if l.h == nil {
		return 0
	}
	return time.Duration(l.h.ValueAtQuantile(q*100)) * time.Microsecond
}

// latencyJSON is for people and for Merge: quantiles in seconds, and the whole sketch in
// the exchange format of HdrHistogram (V2, compressed, base64).
type latencyJSON struct {
	Count  int64   `json:"count"`
	P50    float64 `json:"p50"`
	P99    float64 `json:"p99"`
	Sketch string  `json:"sketch,omitempty"`
}

// MarshalJSON implements json.Marshaler.
func (l Latency) MarshalJSON() ([]byte, error) {
	j := latencyJSON{Count: l.Count(), P50: l.Quantile(0.5).Seconds(), P99: l.Quantile(0.99).Seconds()}
	if l.h != nil {
		sketch, err := l.h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
		if err != nil {
			return nil, fmt.Errorf("serflow: latency: %w", err)
		}
		j.Sketch = string(sketch)
	}
	return json.Marshal(j)
}

// UnmarshalJSON implements json.Unmarshaler.
func (l *Latency) UnmarshalJSON(data []byte) error {
	var j latencyJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return fmt.Errorf("serflow: latency: %w", err)
	}
	*l = NewLatency()
	if j.Sketch == "" {
		return nil
	}
	h, err := hdrhistogram.Decode([]byte(j.Sketch))
	if err != nil {
		return fmt.Errorf("serflow: latency: its sketch: %w", err)
	}
	l.h.Merge(h)
	return nil
}

// Stats is what a pipeline has done since Open.
type Stats struct {
	Requests int64 // answered or failed
	Failed   int64
	Refused  int64 // calls turned away before any stage ran: tensors that are none or no batch, or a closed pipeline; not in Requests
	Stages   []StageStats
	Exits    ExitStats // in force, and watched

	// With providers.
	Latency         Latency // of requests that were answered, end to end
	Groups          []GroupStats
	VMs             []VMStats // that there are, or have been asked for and answered
	VMDollars       float64   // of all VMs, from their launch until now or their end
	FunctionDollars float64   // of all calls that have ended

	Recommended *Recommended // nil without Recommend
}

// VMStats is one VM.
type VMStats struct {
	ID    string // the provider's
	Group string
	Offer string
	State string // booting, ready, draining or ending
}

// StageStats counts one stage, without what the accuracy watch does in the shadow. With providers, a request that has left at a stage counts as
// computed by it and by those before, and times and logits that are not finite are not known.
type StageStats struct {
	Stage     string
	Requests  int64   // rows that the stage has computed
	Exited    int64   // of them, those that left here
	NotFinite int64   // of them, those with NaN or infinite logits
	Reach     float64 // Requests over the first stage's; 0 before the first
	ExitRate  float64 // Exited over Requests
	Latency   Latency // of the stage's runs, a batch being one
}

// recorder collects Stats; safe for concurrent use.
type recorder struct {
	mu                        sync.Mutex
	requests, failed, refused int64
	stages                    []StageStats
	latency                   Latency
}

func newRecorder(names []string) *recorder {
	r := &recorder{latency: NewLatency()}
	for _, name := range names {
		r.stages = append(r.stages, StageStats{Stage: name, Latency: NewLatency()})
	}
	return r
}

func (r *recorder) stage(k, rows, exited, notFinite int, d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.stages[k]
	s.Requests += int64(rows)
	s.Exited += int64(exited)
	s.NotFinite += int64(notFinite)
	s.Latency.Record(d)
}

func (r *recorder) request(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests++
	if err != nil {
		r.failed++
	}
}

// answered counts a request that was answered elsewhere, at the exit of stage k.
func (r *recorder) answered(k int, d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.stages[:k+1] {
		r.stages[i].Requests++
	}
	r.stages[k].Exited++
	r.latency.Record(d)
}

func (r *recorder) refuse() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refused++
}

func (r *recorder) snapshot() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := Stats{Requests: r.requests, Failed: r.failed, Refused: r.refused, Latency: NewLatency()}
	s.Latency.Merge(r.latency)
	for _, st := range r.stages {
		own := NewLatency()
		own.Merge(st.Latency)
		st.Latency = own
		if first := r.stages[0].Requests; first > 0 {
			st.Reach = float64(st.Requests) / float64(first)
		}
		if st.Requests > 0 {
			st.ExitRate = float64(st.Exited) / float64(st.Requests)
		}
		s.Stages = append(s.Stages, st)
	}
	return s
}
