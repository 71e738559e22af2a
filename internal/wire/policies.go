package wire

import (
	"strconv"
	"strings"

	"github.com/serflow/serflow-go/exit"
)

// appendExits appends policies as serflow_exits has them: see the package's comment.
func appendExits(dst []byte, policies []exit.Policy) []byte {
	for i, p := range policies {
		if i > 0 {
			dst = append(dst, ';')
		}
		dst = append(dst, p.Kind...)
		switch p.Kind {
		case exit.KindMaxProb, exit.KindEntropy, exit.KindMargin:
			dst = appendExact(append(dst, ' '), p.Threshold)
		case exit.KindPatience:
			dst = strconv.AppendInt(append(dst, ' '), int64(p.Patience), 10)
		}
		if p.Temperature != 0 {
			dst = appendExact(append(dst, ' '), p.Temperature)
		}
	}
	return dst
}

// parseExits is the reverse of appendExits, for n stages. Whether the policies
// are valid is for Request.check to say.
func parseExits(parameter, text string, n int) ([]exit.Policy, error) {
	if got := strings.Count(text, ";") + 1; got != n {
		return nil, invalid("%s has %d policies for %d stages: send one a stage, or none", parameter, got, n)
	}
	policies := make([]exit.Policy, n)
	for i := range policies {
		var one string
		one, text, _ = strings.Cut(text, ";")
		p, ok := parseExit(one)
		if !ok {
			return nil, invalid("%s: %q is no exit policy: write its kind and the parameters of that kind, as in maxprob 0.93 1.31, patience 2 or final", parameter, excerpt([]byte(one), 60))
		}
		policies[i] = p
	}
	return policies, nil
}

func parseExit(text string) (p exit.Policy, ok bool) {
	kind, text, more := strings.Cut(text, " ")
	p.Kind = exit.Kind(kind)
	var parameter string
	switch p.Kind {
	case exit.KindMaxProb, exit.KindEntropy, exit.KindMargin:
		parameter, text, more = strings.Cut(text, " ")
		if p.Threshold, ok = parseExact(parameter); !ok {
			return p, false
		}
	case exit.KindPatience:
		parameter, text, more = strings.Cut(text, " ")
		if p.Patience, ok = natural(parameter); !ok {
			return p, false
		}
	case exit.KindNever, exit.KindFinal:
	default:
		return p, false
	}
	if more {
		p.Temperature, ok = parseExact(text)
		return p, ok
	}
	return p, true
}

// appendExact appends a number so that parseExact gives the very same.
func appendExact(dst []byte, f float64) []byte { return strconv.AppendFloat(dst, f, 'g', -1, 64) }

// parseExact reads a finite decimal number.
func parseExact(text string) (float64, bool) {
	if strings.Trim(text, "0123456789.eE+-") != "" {
		return 0, false // such as NaN, Inf, 0x1p-2 and 1_0, which ParseFloat takes
	}
	f, err := strconv.ParseFloat(text, 64)
	return f, err == nil
}

// natural reads digits alone, up to the greatest int32.
func natural(text string) (int, bool) {
	n, err := strconv.ParseUint(text, 10, 31)
	return int(n), err == nil
}

// appendState appends class:run.
func appendState(dst []byte, s exit.State) []byte {
	dst = strconv.AppendInt(dst, int64(s.Class), 10)
	return strconv.AppendInt(append(dst, ':'), int64(s.Run), 10)
}

func parseState(text string) (exit.State, bool) {
	class, run, _ := strings.Cut(text, ":")
	c, ok := natural(class)
	r, also := natural(run)
	return exit.State{Class: int32(c), Run: int32(r)}, ok && also
}

// appendStates appends the states of rows as serflow_states has them.
func appendStates(dst []byte, states []exit.State) []byte {
	for i, s := range states {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendState(dst, s)
	}
	return dst
}

// parseStates is the reverse of appendStates, for n rows.
func parseStates(text string, n int) ([]exit.State, error) {
	if got := strings.Count(text, ",") + 1; got != n {
		return nil, invalid("serflow_states has %d states for %d rows: send one a row, or none", got, n)
	}
	states := make([]exit.State, n)
	for i := range states {
		var one string
		var ok bool
		one, text, _ = strings.Cut(text, ",")
		if states[i], ok = parseState(one); !ok {
			return nil, invalid("serflow_states: row %d has %q: write class:run, as in 3:2", i, excerpt([]byte(one), 40))
		}
	}
	return states, nil
}

// checkState finds states that have no text.
func checkState(s exit.State) error {
	if s.Class < 0 || s.Run < 0 {
		return invalid("state %+v: class and run must not be negative", s)
	}
	return nil
}

// checkConfidence is negated so that NaN fails.
func checkConfidence(c float64) error {
	if !(c >= 0 && c <= 1) {
		return invalid("confidence %v: it must be a number from 0 to 1", c)
	}
	return nil
}
