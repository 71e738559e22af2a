package wire

import (
	"math"
	"strconv"
	"strings"
)

// anySeen tells whether there is anything to carry.
func anySeen(seen [][]Seen) bool {
	for _, row := range seen {
		if len(row) > 0 {
			return true
		}
	}
	return false
}

// appendSeen appends what exits said as serflow_seen has it: see the package's comment.
func appendSeen(dst []byte, seen [][]Seen) []byte {
	for i, row := range seen {
		if i > 0 {
			dst = append(dst, ';')
		}
		for k, s := range row {
			if k > 0 {
				dst = append(dst, ',')
			}
			dst = strconv.AppendInt(dst, int64(s.Class), 10)
			dst = appendExact(append(dst, ':'), s.Score)
		}
	}
	return dst
}

// parseSeen is the reverse of appendSeen, for so many rows or none.
func parseSeen(text string, rows, stages int) ([][]Seen, error) {
	if text == "" {
		return nil, nil
	}
	if got := strings.Count(text, ";") + 1; got != rows {
		return nil, invalid("serflow_seen has %d rows; %d were sent", got, rows)
	}
	seen := make([][]Seen, rows)
	for i := range seen {
		var row string
		if row, text, _ = strings.Cut(text, ";"); row == "" {
			continue
		}
		n := strings.Count(row, ",") + 1
		if n > stages {
			return nil, invalid("serflow_seen: row %d has %d exits, of %d stages", i, n, stages)
		}
		seen[i] = make([]Seen, n)
		for k := range seen[i] {
			var one string
			one, row, _ = strings.Cut(row, ",")
			s, ok := parseOneSeen(one)
			if !ok {
				return nil, invalid("serflow_seen: row %d has %q: write class:score, as in 7:0.93", i, excerpt([]byte(one), 40))
			}
			seen[i][k] = s
		}
	}
	if !anySeen(seen) {
		return nil, nil
	}
	return seen, checkSeen(seen, rows)
}

func parseOneSeen(text string) (s Seen, ok bool) {
	class, score, _ := strings.Cut(text, ":")
	if class == "-1" {
		s.Class = -1
	} else if s.Class, ok = natural(class); !ok {
		return s, false
	}
	s.Score, ok = parseExact(score)
	return s, ok
}

// checkSeen finds what has no text, or cannot be.
func checkSeen(seen [][]Seen, rows int) error {
	if n := len(seen); n > 0 && n != rows {
		return invalid("what exits said of %d rows, of %d: give a list for each, or none", n, rows)
	}
	for _, row := range seen {
		for _, s := range row {
			if s.Class < -1 || s.Class > math.MaxInt32 || !(s.Score >= 0) || math.IsInf(s.Score, 0) {
				return invalid("an exit said %+v: a class is -1 or more, and a score a finite number from 0", s)
			}
		}
	}
	return nil
}

// checkRan tells whether as many exits of each row speak as have run: the client adds up what
// it hears from several workers, and must know whom it hears.
func checkRan(seen [][]Seen, parts []Part, first int) error {
	if seen == nil {
		return nil
	}
	for i := range parts {
		ran := parts[i].Stage - first
		if parts[i].Exited {
			ran++
		}
		for _, row := range parts[i].Rows {
			if n := len(seen[row]); n != ran {
				return invalid("serflow_seen has %d exits of row %d, for which %d have run", n, row, ran)
			}
		}
	}
	return nil
}
