package main

// enough requests to simulate in some seconds under every policy.
const enough = 2_000_000

// window is the part of a log to simulate, in seconds from its first: all of it, if it has not too many requests. Otherwise as
// many days as have about enough, or hours if a day has too many; of all such parts that begin at a full hour of the log, the first whose number of
// requests is closest to the mean.
func window(counts []uint32, enough float64) (from, to int) {
	const hour, day = 3600, 24 * 3600
	total := 0.0
	for _, n := range counts {
		total += float64(n)
	}
	if total <= enough {
		return 0, len(counts)
	}
	length := int(enough / total * float64(len(counts)))
	switch {
	case length >= day:
		length -= length % day
	default:
		length = max(length-length%hour, hour)
	}
	if length >= len(counts) {
		return 0, len(counts)
	}
	want, least := total*float64(length)/float64(len(counts)), total
	for start := 0; start+length <= len(counts); start += hour {
		off := float64(sum(counts[start:start+length])) - want
		if off = max(off, -off); off < least {
			from, least = start, off
		}
	}
	return from, from + length
}
