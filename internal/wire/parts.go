package wire

import (
	"math"
	"strconv"
	"strings"

	"github.com/serflow/serflow-go/exit"
	"github.com/serflow/serflow-go/stage"
)

// appendParts appends parts, without their outputs, as serflow_parts has them:
// see the package's comment.
func appendParts(dst []byte, parts []Part) []byte {
	for i := range parts {
		p := &parts[i]
		if i > 0 {
			dst = append(dst, ';')
		}
		word := "go "
		if p.Exited {
			word = "exit "
		}
		dst = strconv.AppendInt(append(dst, word...), int64(p.Stage), 10)
		for j, row := range p.Rows {
			separator := byte(',')
			if j == 0 {
				separator = ' '
			}
			dst = strconv.AppendInt(append(dst, separator), int64(row), 10)
			if p.Exited {
				dst = strconv.AppendInt(append(dst, ':'), int64(p.Class[j]), 10)
				dst = appendExact(append(dst, ':'), p.Confidence[j])
			} else if len(p.States) > 0 {
				dst = appendState(append(dst, ':'), p.States[j])
			}
		}
	}
	return dst
}

// parseParts is the reverse of appendParts. It allocates no more than rows call
// for; whether the parts make sense together is for checkParts to say.
func parseParts(text string, rows int) ([]Part, error) {
	n := strings.Count(text, ";") + 1
	if entries := strings.Count(text, ",") + n; entries > rows {
		return nil, invalid("serflow_parts has %d rows; %d were sent", entries, rows)
	}
	parts := make([]Part, n)
	for i := range parts {
		var one string
		one, text, _ = strings.Cut(text, ";")
		if !parsePart(one, &parts[i]) {
			return nil, invalid("serflow_parts: part %d is %q: write it as in exit 2 0:7:0.93,3:1:0.88 or go 3 1,2", i, excerpt([]byte(one), 60))
		}
	}
	return parts, nil
}

func parsePart(text string, p *Part) (ok bool) {
	word, text, _ := strings.Cut(text, " ")
	number, text, _ := strings.Cut(text, " ")
	if p.Stage, ok = natural(number); !ok {
		return false
	}
	n := strings.Count(text, ",") + 1
	p.Rows = make([]int, n)
	switch {
	case word == "exit":
		p.Exited, p.Class, p.Confidence = true, make([]int, n), make([]float64, n)
	case word != "go":
		return false
	case strings.Contains(text, ":"):
		p.States = make([]exit.State, n)
	}
	for j := range n {
		var one string
		one, text, _ = strings.Cut(text, ",")
		if !parseRow(one, p, j) {
			return false
		}
	}
	return true
}

// parseRow reads a part's j-th row.
func parseRow(text string, p *Part, j int) (ok bool) {
	row, more, _ := strings.Cut(text, ":")
	if p.Rows[j], ok = natural(row); !ok {
		return false
	}
	switch {
	case p.Exited:
		class, confidence, _ := strings.Cut(more, ":")
		if class == "-1" {
			p.Class[j] = -1 // of a row that holds a NaN
		} else if p.Class[j], ok = natural(class); !ok {
			return false
		}
		p.Confidence[j], ok = parseExact(confidence)
	case p.States != nil:
		p.States[j], ok = parseState(more)
	}
	return ok
}

// checkParts tells whether each of a request's rows is in exactly one part and
// the parts fit the stages that it was sent for.
func checkParts(parts []Part, rows int, stages stage.Range) error {
	seen := make([]bool, rows)
	count := 0
	for i := range parts {
		p := &parts[i]
		if err := p.check(stages); err != nil {
			return err
		}
		if i > 0 && p.Stage < parts[i-1].Stage {
			return invalid("a part of stage %d comes after one of stage %d: order them by stage", p.Stage, parts[i-1].Stage)
		}
		for j, row := range p.Rows {
			switch {
			case row < 0 || row >= rows:
				return invalid("row %d is in a part; %d rows were sent, counted from 0", row, rows)
			case j > 0 && row <= p.Rows[j-1]:
				return invalid("row %d comes after row %d of its part: rows must ascend", row, p.Rows[j-1])
			case seen[row]:
				return invalid("row %d is in two parts: each row must be in one", row)
			}
			seen[row] = true
		}
		count += len(p.Rows)
	}
	if count != rows {
		return invalid("the parts have %d of %d rows: each row must be in one", count, rows)
	}
	return nil
}

// checkInputs finds rows that could not go on: only at the stage that they entered
// does the sender have their inputs.
func checkInputs(parts []Part, first int) error {
	for i := range parts {
		if p := &parts[i]; !p.Exited && p.Stage > first && len(p.Outputs) == 0 {
			return invalid("rows are to go on at stage %d without its inputs: the part needs outputs", p.Stage)
		}
	}
	return nil
}

func (p *Part) check(stages stage.Range) error {
	n := len(p.Rows)
	switch {
	case n == 0:
		return invalid("a part of stage %d has no rows: leave it out", p.Stage)
	case p.Exited && !stages.Has(p.Stage):
		return invalid("rows left at the exit of stage %d; stages %d to %d were asked for", p.Stage, stages.First, stages.Last)
	case !p.Exited && (p.Stage < stages.First || p.Stage > stages.Last+1):
		return invalid("rows are to go on at stage %d; stages %d to %d were asked for", p.Stage, stages.First, stages.Last)
	case p.Exited && (len(p.Class) != n || len(p.Confidence) != n || len(p.States) != 0):
		return invalid("%d rows that left have %d classes, %d confidences and %d states: give each a class, a confidence and no state", n, len(p.Class), len(p.Confidence), len(p.States))
	case !p.Exited && (len(p.Class) != 0 || len(p.Confidence) != 0 || len(p.States) != 0 && len(p.States) != n):
		return invalid("%d rows that go on have %d classes, %d confidences and %d states: give them a state each or none, and nothing else", n, len(p.Class), len(p.Confidence), len(p.States))
	}
	for j, c := range p.Class {
		if c < -1 || c > math.MaxInt32 {
			return invalid("class %d: it must be -1 for a bad row, or from 0 to %d", c, math.MaxInt32)
		}
		if err := checkConfidence(p.Confidence[j]); err != nil {
			return err
		}
	}
	for _, s := range p.States {
		if err := checkState(s); err != nil {
			return err
		}
	}
	return p.checkOutputs()
}

// checkOutputs compares the tensors with the rows.
func (p *Part) checkOutputs() error {
	if len(p.Outputs) == 0 {
		return nil
	}
	n, err := rows("output", p.Outputs)
	if err == nil && n != len(p.Rows) {
		err = invalid("a part of %d rows has outputs of %d: each output's first dimension must be the part's rows", len(p.Rows), n)
	}
	return err
}
