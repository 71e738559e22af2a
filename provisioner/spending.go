package provisioner

import "time"

// spending adds up dollars, and remembers those of the last 24 hours by the hour.
type spending struct {
	total float64
	hours [25]float64   // the current hour and the 24 before it
	hour  int64         // number of the current one
	into  time.Duration // the first hour, at time 0
}

func (s *spending) add(now time.Duration, dollars float64) {
	s.advance(now)
	s.total += dollars
	*s.at(0) += dollars
}

// at is so many hours before the current one.
func (s *spending) at(ago int) *float64 {
	n := len(s.hours)
	return &s.hours[(int(s.hour%int64(n))-ago+n)%n]
}

// advance forgets hours that have left the window.
func (s *spending) advance(now time.Duration) {
	for hour := int64((now + s.into) / time.Hour); s.hour < hour; {
		if hour-s.hour > int64(len(s.hours)) {
			s.hour = hour - int64(len(s.hours))
		}
		s.hour++
		*s.at(0) = 0
	}
}

// day is what the last 24 hours cost, and up to an hour more.
func (s *spending) day() (sum float64) {
	for _, dollars := range s.hours {
		sum += dollars
	}
	return sum
}

// Spending is what a fleet has spent lately, for the next one to go on from: Limits are the owner's, and
// not those of one run of a program.
type Spending struct {
	Hours []float64     `json:"hours"` // dollars in the hour that is under way and in those before it, the latest first
	Into  time.Duration `json:"into"`  // the hour that is under way, in nanoseconds
}

// Spending is what the fleet has spent lately, as of now.
func (f *Fleet) Spending(now time.Duration) (s Spending) {
	f.spent.advance(now)
	for ago := range f.spent.hours {
		s.Hours = append(s.Hours, *f.spent.at(ago))
	}
	s.Into = (now + f.spent.into) % time.Hour
	return s
}

// Remember has a new fleet count what another one had spent a while before its time 0. It is none of what Spent
// says of all time. Call it before anything else.
func (f *Fleet) Remember(s Spending, ago time.Duration) {
	const longest = 1000 * time.Hour // after which all is forgotten
	into := min(max(ago, 0), longest) + min(max(s.Into, 0), time.Hour)
	f.spent.into = into % time.Hour
	for i, dollars := range s.Hours {
		if at := int(into/time.Hour) + i; at < len(f.spent.hours) {
			*f.spent.at(at) += max(dollars, 0)
		}
	}
}
