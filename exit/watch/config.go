package watch

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/serflow/serflow-go/exit"
)

// ErrConfig is wrapped by the errors of New, ErrSnapshot by those of Restore.
var (
	ErrConfig   = errors.New("watch: bad configuration")
	ErrSnapshot = errors.New("watch: bad snapshot")
)

// Config says what was promised and what to do when it is not kept. The zero value of a field but
// Rungs and Reference is its default.
type Config struct {
	// Rungs are sets of policies, one policy a stage, loosest first; full depth comes after
	// the last of them by itself. Rungs before Start are looser than what was promised for: the
	// watch goes down to one of them only when it has seen that it keeps the promise.
	Rungs [][]exit.Policy
	Start int // the rung in force at first, which Reference is about

	// Reference is how often the exits of Rungs[Start] agreed with the last one on rows that took no
	// part in choosing them (exit.Replay), and Bound is by how many points of all
	// requests more may disagree; default 0.5. A request whose answer is the last exit's is
	// as right as at full depth, so accuracy falls by no more than agreement does.
	Reference []exit.Tally
	Bound     float64

	Share float64 // of requests to sample, in (0,1]; default 0.01
	// In Window samples during which the promise is kept, there is a false alarm with
	// probability 1-Confidence at most, also if it is only just kept; default 0.95 and 2,000.
	// Where agreement is the reference's, false alarms are some fifty times rarer still. With
	// many samples a day raise Window: delays grow with its logarithm. Agreement is
	// reported over about as many samples.
	Confidence float64
	Window     int
	// Rest is the least time between a step and one to a looser rung; default 10 min. It grows,
	// up to 6 hours, while looser rungs turn out to be mistakes.
	Rest time.Duration
}

// Ladder is a set of policies and two stricter ones, which take away half of the doubt that
// each exit allows and four fifths of it: Rungs for a Config.
func Ladder(policies []exit.Policy) [][]exit.Policy {
	rungs := [][]exit.Policy{slices.Clone(policies)}
	for _, f := range []float64{0.5, 0.8} {
		rung := slices.Clone(policies)
		for k := range rung {
			rung[k] = rung[k].Stricter(f)
		}
		rungs = append(rungs, rung)
	}
	return rungs
}

func (c Config) withDefaults() (Config, error) {
	c.Bound = ifZero(c.Bound, 0.5)
	c.Share = ifZero(c.Share, 0.01)
	c.Confidence = ifZero(c.Confidence, 0.95)
	c.Window = ifZero(c.Window, 2000)
	c.Rest = ifZero(c.Rest, 10*time.Minute)
	switch {
	case !(c.Bound > 0 && c.Bound < 100):
		return c, fmt.Errorf("%w: a bound of %v points: give a number between 0 and 100", ErrConfig, c.Bound)
	case !(c.Share > 0 && c.Share <= 1):
		return c, fmt.Errorf("%w: a share of %v: give a fraction of the requests above 0", ErrConfig, c.Share)
	case !(c.Confidence >= 0.5 && c.Confidence < 1):
		return c, fmt.Errorf("%w: a confidence of %v: give 0.5 or more, below 1", ErrConfig, c.Confidence)
	case c.Window < blocks || c.Rest < 0:
		return c, fmt.Errorf("%w: a window of %d samples and a rest of %v: give %d samples or more, and no negative rest", ErrConfig, c.Window, c.Rest, blocks)
	case c.Start < 0 || c.Start >= len(c.Rungs):
		return c, fmt.Errorf("%w: to start at rung %d of %d: name one of them", ErrConfig, c.Start, len(c.Rungs))
	}
	if err := c.checkReference(); err != nil {
		return c, err
	}
	if c.limit() >= 1 {
		return c, fmt.Errorf("%w: with this reference and bound every answer may disagree: give a lower bound", ErrConfig)
	}
	return c, c.checkRungs()
}

// askedOf is for each exit the policy of the first rung that has it switched on.
func askedOf(rungs [][]exit.Policy) []exit.Policy {
	asked := slices.Clone(rungs[0])
	for _, rung := range rungs[1:] {
		for k := range min(len(rung), len(asked)) {
			if asked[k].Kind == exit.KindNever {
				asked[k] = rung[k]
			}
		}
	}
	return asked
}

// limit is the share of requests that may disagree with the last exit.
func (c Config) limit() float64 {
	return disagreement(c.Reference) + c.Bound/100
}

func disagreement(exits []exit.Tally) float64 {
	left, agree := total(exits)
	return float64(left-agree) / float64(left)
}

func total(exits []exit.Tally) (left, agree int) {
	for _, t := range exits {
		left += t.Left
		agree += t.Agree
	}
	return left, agree
}

func ifZero[T comparable](x, otherwise T) T {
	var zero T
	if x == zero {
		return otherwise
	}
	return x
}
