package wire

import (
	"strconv"
	"strings"
	"time"
)

// appendTimes writes times as nanoseconds with commas between them.
func appendTimes(dst []byte, times []time.Duration) []byte {
	for i, t := range times {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendInt(dst, int64(t), 10)
	}
	return dst
}

// parseTimes is the reverse of appendTimes, for at most so many stages.
func parseTimes(text string, stages int) ([]time.Duration, error) {
	if text == "" {
		return nil, nil
	}
	n := strings.Count(text, ",") + 1
	if n > stages {
		return nil, invalid("serflow_stage_ns has %d times, of %d stages", n, stages)
	}
	times := make([]time.Duration, 0, n)
	for part := range strings.SplitSeq(text, ",") {
		t, err := strconv.ParseUint(part, 10, 63)
		if err != nil {
			return nil, invalid("serflow_stage_ns has %.20q: it is nanoseconds with commas between them", part)
		}
		times = append(times, time.Duration(t))
	}
	return times, nil
}
