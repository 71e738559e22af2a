package traffic

import (
	"io"
	"time"
)

// seconds is the number of requests in each second of a trace's cut, none left out.
type seconds struct {
	rows *rows
	now  time.Duration // the second that comes next
	at   time.Duration // of a row that is not counted yet
	n    int           // its requests
	err  error
}

func (s *seconds) next() (n int, err error) {
	for s.err == nil && s.at < s.now+time.Second {
		n += s.n
		s.at, s.n, s.err = s.rows.next()
	}
	if s.err != nil && (s.err != io.EOF || s.now >= s.rows.length()) {
		return 0, s.err
	}
	s.now += time.Second
	return n, nil
}

// smooth is the mean number of requests, for each second, in it and the half seconds
// before and after it; near the ends of the cut, in those that there are.
type smooth struct {
	seconds seconds
	half    int
	window  []int // 2*half+1 seconds; second i is at i modulo the length
	sum     int
	read    int // seconds
	at      int // the second that comes next
	ended   bool
}

func openSmooth(t Trace, half int) (*smooth, error) {
	rows, err := openRows(t)
	if err != nil {
		return nil, err
	}
	return &smooth{seconds: seconds{rows: rows}, half: half, window: make([]int, 2*half+1)}, nil
}

func (s *smooth) next() (float64, error) {
	if gone := s.at - s.half - 1; gone >= 0 {
		s.sum -= s.window[gone%len(s.window)]
	}
	for !s.ended && s.read <= s.at+s.half {
		n, err := s.seconds.next()
		if err == io.EOF {
			s.ended = true
			break
		}
		if err != nil {
			return 0, err
		}
		s.window[s.read%len(s.window)] = n
		s.sum += n
		s.read++
	}
	if s.at == s.read {
		return 0, io.EOF
	}
	first := max(s.at-s.half, 0)
	s.at++
	return float64(s.sum) / float64(s.read-first), nil
}
