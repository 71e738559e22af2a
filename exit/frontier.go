package exit

import (
	"cmp"
	"slices"
)

// Looser picks at most n points of the search's frontier to fall back on under overload,
// each cheaper than the one before and all cheaper than the result itself, whose
// LostUpper rises from above the result's to at most most points, in about even steps.
//
// A point is not certified as the result is: the choice among points was free, and each
// LostUpper holds on its own. Charge LostUpper, rather than Lost, where a budget must hold.
// The same result gives the same points. They share no memory with it.
func (r Result) Looser(n int, most float64) []Point {
	points := slices.DeleteFunc(slices.Clone(r.Frontier), func(p Point) bool {
		return !(p.Cost < r.Cost && p.LostUpper > r.LostUpper && p.LostUpper <= most)
	})
	slices.SortStableFunc(points, func(a, b Point) int { return cmp.Compare(a.Cost, b.Cost) })
	kept := points[:0]
	for _, p := range points { // cheapest first; dearer is only worth it if it loses less
		if len(kept) == 0 || p.LostUpper < kept[len(kept)-1].LostUpper {
			kept = append(kept, p)
		}
	}
	slices.Reverse(kept)
	kept = spread(kept, n, r.LostUpper)
	for i := range kept {
		kept[i].Policies = slices.Clone(kept[i].Policies)
	}
	return kept
}

// spread keeps at most n of the points, whose LostUpper ascends from above from: for each of
// n even steps the last point that does not go beyond it, and at any rate the last of all.
func spread(points []Point, n int, from float64) []Point {
	if n <= 0 || len(points) <= n {
		return points[:min(len(points), max(n, 0))]
	}
	last := len(points) - 1
	to := points[last].LostUpper
	var kept []Point
	for i, p := range points[:last] {
		step := from + (to-from)*float64(len(kept)+1)/float64(n)
		if len(kept) < n-1 && points[i+1].LostUpper > step {
			kept = append(kept, p)
		}
	}
	return append(kept, points[last])
}
