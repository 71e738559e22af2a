package estimate

import "math"

// block is counts that are looked at together.
type block struct {
	Sum   float64 `json:"sum"`
	Known int     `json:"known"` // seconds
	Last  int64   `json:"last"`  // the last of these
}

const (
	shortBlock = 10
	longBlock  = 120 // however few requests came
	enough     = 100 // requests, of which the mean is known to a tenth
)

// add tells whether the block is full.
func (b *block) add(second int64, x float64) bool {
	if gap := second - b.Last; gap < 0 || gap > longBlock {
		*b = block{}
	}
	b.Sum += x
	b.Known++
	b.Last = second
	return b.Known >= shortBlock && (b.Sum >= enough || b.Known >= longBlock)
}

func (b *block) peek() (mean float64, length int64) {
	return b.Sum / float64(max(b.Known, 1)), int64(b.Known)
}

// close is the mean of a full block, and begins the next.
func (b *block) close() (mean float64, length int64) {
	mean, length = b.peek()
	*b = block{Last: b.Last}
	return mean, length
}

// level is the rate of now, and what is usual.
type level struct {
	Blocks float64 `json:"blocks"` // that Mean is the mean of
	Mean   float64 `json:"mean"`
	Off    float64 `json:"off"`   // mean absolute deviation of blocks, without jumps
	Usual  float64 `json:"usual"` // over about half an hour
}

const (
	jump        = 4
	memory      = 16
	usualMemory = 1800.0  // seconds
	offToSigma  = 1.25331 // of a normal distribution: the root of pi/2
)

// add averages over as many blocks as the level has lasted, up to a few minutes. A block that
// noise does not explain begins a new level.
func (l *level) add(mean, length float64) {
	off := math.Abs(mean - l.Mean)
	poisson := math.Sqrt(max(l.Mean, mean) / length)
	switch {
	case l.Blocks == 0:
		*l = level{Blocks: 1, Mean: mean, Usual: mean}
		return
	case off > jump*max(poisson, l.Off*offToSigma):
		l.Mean, l.Blocks = mean, 1
	default:
		l.Blocks = min(l.Blocks+1, memory)
		l.Mean += (mean - l.Mean) / l.Blocks
		l.Off += (off - l.Off) / memory
	}
	l.Usual += min(length/usualMemory, 1) * (mean - l.Usual)
}

// The situations that forecasts are made in.
const (
	below = iota
	asUsual
	above
	situations = above + 1
)

// situation compares the level with what is usual.
func (l *level) situation() int {
	switch {
	case l.Mean > 1.5*l.Usual:
		return above
	case 1.5*l.Mean < l.Usual:
		return below
	}
	return asUsual
}
