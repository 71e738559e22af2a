// Package exit decides, row by row, whether a multi-exit classifier may answer
// early, and searches for the exit policies that cost least while a stated loss
// of accuracy against the full-depth model is certified on held-out rows.
//
// The package is pure computation: it holds no global state, and every function
// and method may be called from many goroutines at once.
package exit

import (
	"fmt"
	"math"
)

// Kind names a rule for leaving. The set is closed so that a policy can be
// written into a request and checked on arrival.
type Kind string

// The kinds of policy.
const (
	KindMaxProb  Kind = "maxprob"  // top softmax probability >= Threshold
	KindEntropy  Kind = "entropy"  // normalised entropy <= Threshold
	KindMargin   Kind = "margin"   // top1 - top2 probability >= Threshold
	KindPatience Kind = "patience" // Patience consecutive exits agree
	KindNever    Kind = "never"    // switched off
	KindFinal    Kind = "final"    // always answers
)

// Policy is the rule of one exit: a named kind with scalar parameters. It is a
// plain comparable value. The zero value is not valid; use a constructor.
type Policy struct {
	Kind        Kind
	Threshold   float64 // in [0,1]; read by maxprob, entropy and margin
	Patience    int     // consecutive agreeing exits, >= 1; read by patience
	Temperature float64 // divides the logits before softmax; 0 means 1
}

// MaxProb leaves if the top softmax probability is >= threshold.
func MaxProb(threshold float64) Policy { return Policy{Kind: KindMaxProb, Threshold: threshold} }

// Entropy leaves if the softmax entropy, in nats divided by ln(classes) so that
// it lies in [0,1], is <= threshold (BranchyNet, Teerapittayanon et al., ICPR
// 2016, with the entropy normalised). A one-class row has entropy 0.
func Entropy(threshold float64) Policy { return Policy{Kind: KindEntropy, Threshold: threshold} }

// Margin leaves if the top probability exceeds the second by >= threshold. A
// one-class row has margin 1.
func Margin(threshold float64) Policy { return Policy{Kind: KindMargin, Threshold: threshold} }

// Patience leaves when k consecutive exits, this one included, predict the same
// class (PABEE, Zhou et al., NeurIPS 2020, counting the first vote as one).
func Patience(k int) Policy { return Policy{Kind: KindPatience, Patience: k} }

// Never is an exit that is switched off.
func Never() Policy { return Policy{Kind: KindNever} }

// Final is the last exit: it always answers, even for a bad row.
func Final() Policy { return Policy{Kind: KindFinal} }

// WithTemperature returns a copy of p that divides logits by t before softmax.
// The predicted class does not depend on t; scores and confidence do.
func (p Policy) WithTemperature(t float64) Policy {
	p.Temperature = t
	return p
}

// Validate reports the first parameter that p's kind cannot use, and what to
// write instead. Parameters that the kind does not read are not checked.
func (p Policy) Validate() error {
	if t := p.Temperature; math.IsNaN(t) || math.IsInf(t, 0) || t < 0 {
		return fmt.Errorf("exit: temperature %v: use a finite number > 0, or 0 for the default of 1", t)
	}
	switch p.Kind {
	case KindMaxProb, KindEntropy, KindMargin:
		if !(p.Threshold >= 0 && p.Threshold <= 1) { // negated so that NaN fails
			return fmt.Errorf("exit: %s threshold %v: use a number from 0 to 1", p.Kind, p.Threshold)
		}
	case KindPatience:
		if p.Patience < 1 {
			return fmt.Errorf("exit: patience %d: use 1 or more consecutive exits", p.Patience)
		}
	case KindNever, KindFinal:
	default:
		return fmt.Errorf("exit: unknown kind %q: use maxprob, entropy, margin, patience, never or final", string(p.Kind))
	}
	return nil
}

// Decision is what an exit says of one row.
type Decision struct {
	Leave      bool    // answer now
	Class      int     // argmax, lowest index on ties; -1 if Bad
	Confidence float64 // top softmax probability after temperature, in [0,1]; 0 if Bad
	Score      float64 // what the kind compares: see Policy.Accepts; 0, which means nothing, if Bad
	Bad        bool    // the row is empty or holds a NaN or an infinity
	State      State   // to hand to the row's next exit
}

// Decide applies p to the logits of one row (length: classes); s is the State of
// the row's previous exit, or the zero State. It allocates nothing and does not
// keep logits.
//
// A bad row leaves only at Final and resets the State: a run of agreement that
// a NaN interrupts is not evidence. Decide does not call Validate; an unknown
// kind or an unusable patience never leaves, an unusable temperature counts as 1.
func (p Policy) Decide(logits []float32, s State) Decision {
	m, ok := measure(logits, p.Temperature)
	if !ok {
		return Decision{Leave: p.Kind == KindFinal, Class: -1, Bad: true}
	}
	d := Decision{Class: m.class, Confidence: m.top, State: s.next(m.class)}
	switch p.Kind {
	case KindEntropy:
		d.Score = m.entropy
	case KindMargin:
		d.Score = m.margin
	case KindPatience:
		d.Score = float64(d.State.Run)
	default:
		d.Score = m.top
	}
	d.Leave = p.Accepts(d.Score)
	return d
}
