package provisioner

import "time"

// spending adds up dollars, and remembers those of the last 24 hours by the hour.
type spending struct {
	total float64
	hours [25]float64 // the current hour and the 24 before it
	hour  int64       // number of the current one
}

func (s *spending) add(now time.Duration, dollars float64) {
	s.advance(now)
	s.total += dollars
	s.hours[s.hour%int64(len(s.hours))] += dollars
}

// advance forgets hours that have left the window.
func (s *spending) advance(now time.Duration) {
	for hour := int64(now / time.Hour); s.hour < hour; {
		if hour-s.hour > int64(len(s.hours)) {
			s.hour = hour - int64(len(s.hours))
		}
		s.hour++
		s.hours[s.hour%int64(len(s.hours))] = 0
	}
}

// day is what the last 24 hours cost, and up to an hour more.
func (s *spending) day() (sum float64) {
	for _, dollars := range s.hours {
		sum += dollars
	}
	return sum
}
