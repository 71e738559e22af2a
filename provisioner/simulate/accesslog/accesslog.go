// Package accesslog counts the requests of a server's log by the second, for a simulation of the same traffic. It
// reads a line once, keeps nothing of it but its time, and sends nothing anywhere.
//
// It knows, and tells apart by itself: the common and combined formats of Apache and nginx; JSON, a line an object; logs of AWS
// load balancers; those of CloudFront, and others with a line "#Fields:"; and text whose first column is a time. All gzipped or
// not. Lines need not be in order: servers write a request down when it has ended.
package accesslog

import (
	"errors"
	"fmt"
	"time"
)

// ErrLog marks a log that cannot be read.
var ErrLog = errors.New("bad log")

// Format is how a log says when a request came.
type Format string

// The formats.
const (
	Common     Format = "common"        // [10/Oct/2000:13:55:36 -0700] somewhere in the line; combined too
	JSON       Format = "JSON"          // a line an object; see TimeKeys
	ALB        Format = "load balancer" // a time of RFC 3339 among the first three columns, which spaces part
	Extended   Format = "CloudFront"    // a line "#Fields:" says which columns are date and time
	Timestamps Format = "timestamps"    // the first column is the time, be it the only one
)

var timeKeys = []string{
	"time", "timestamp", "@timestamp", "ts", "time_iso8601", "time_local", "StartUTC", "start_time", "startTime", "requestReceivedTimestamp",
	"datetime", "date", "eventTime", "msec", "timeStamp", "t",
}

// TimeKeys are the names under which JSON is looked through for a time, in this order. It is text of RFC 3339 or like that of
// the common format, or a number of seconds, milliseconds, microseconds or nanoseconds since 1970.
func TimeKeys() []string { return append([]string(nil), timeKeys...) }

// Counts is what a log says.
type Counts struct {
	Format Format
	First  time.Time // the second of the first request, in UTC
	// Seconds is the requests of each second from then on, up to that of the last request.
	Seconds  []uint32
	Requests int64
	Skipped  int64 // lines without a time
	Bad      error // why the first of these was skipped; it names the line
}

// Length is from the first request to the end of the second of the last.
func (c *Counts) Length() time.Duration { return time.Duration(len(c.Seconds)) * time.Second }

// Rate is the mean rate, in requests per second; 0 without requests.
func (c *Counts) Rate() float64 { return float64(c.Requests) / max(c.Length().Seconds(), 1) }

// mostSkipped is the share of lines that may have no time: a log has some that were cut off, or are of something else.
const mostSkipped = 0.01

// longest time that a log may be about: a year and a day. What is farther apart is a wrong unit, most likely.
const longest = 366 * 24 * 3600

// seconds counts by the second, in any order.
type seconds struct {
	begin int64 // since 1970, of the first in all
	all   []uint32
	first int64 // that is counted
	last  int64
}

// add counts a request.
func (s *seconds) add(at int64) error {
	if i := at - s.begin; i >= 0 && i < int64(len(s.all)) {
		s.all[i]++
		s.first, s.last = min(s.first, at), max(s.last, at)
		return nil
	}
	return s.grow(at)
}

// grow makes room for a second, on its side as much as there is already.
func (s *seconds) grow(at int64) error {
	if len(s.all) == 0 {
		s.begin, s.first, s.last = at, at, at
		s.all = make([]uint32, 4096)
		s.all[0] = 1
		return nil
	}
	if max(at, s.last)-min(at, s.first) >= longest {
		return fmt.Errorf("its time is %d days from that of others: a log is of a year at most; cut it, or mend the times", max(at-s.first, s.last-at)/(24*3600))
	}
	begin, end := s.begin, s.begin+int64(len(s.all))
	room := min(int64(len(s.all)), longest)
	if at < begin {
		begin = min(at, begin-room)
	} else {
		end = max(at+1, end+room)
	}
	all := make([]uint32, end-begin)
	copy(all[s.begin-begin:], s.all)
	s.begin, s.all = begin, all
	return s.add(at)
}

// counted is from the first second to the last.
func (s *seconds) counted() []uint32 {
	if len(s.all) == 0 {
		return nil
	}
	return s.all[s.first-s.begin : s.last-s.begin+1]
}
