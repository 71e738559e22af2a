package simulate

import (
	"errors"
	"io"
	"time"
)

// Requests goes through the requests that a Run with this Seed gets: when each comes, and at
// which stage it would leave. Only Traffic, Depths and Seed of the scenario count. The error is
// that of the traffic or the depths.
func (s Scenario) Requests(each func(at time.Duration, exit int)) (err error) {
	source, err := s.Traffic(s.random(streamTraffic))
	if err != nil {
		return err
	}
	if c, ok := source.(io.Closer); ok {
		defer func() { err = errors.Join(err, c.Close()) }()
	}
	depths, err := s.Depths(s.random(streamDepths))
	if err != nil {
		return err
	}
	for {
		at, err := source.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		each(at, depths.Next(at))
	}
}
