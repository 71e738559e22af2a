package drift

import "math"

// rivals is how many sizes of drift a test looks for at once. A drift between two of them
// is found nearly as fast as the one that it is closest to.
const rivals = 4

// beyond is how far outside the allowance the rivals lie.
var beyond = [rivals]float64{0.01, 0.03, 0.1, 0.3}

// test gathers evidence that the share of requests which reach a stage has gone past a limit,
// and, while it has, that the share has come back.
//
// For each rival it is Page's CUSUM (Biometrika 1954) of the logarithm of the likelihood
// ratio between rival and limit. Where the share is on the right side of the limit, the ratio of
// a slice has a mean of at most 1 given all before. CUSUM is then at most the sum of these ratios'
// products over all starting points, whose mean after n slices is n; so n slices raise it above
// h at most n*exp(-h) times in the mean, if each time it starts anew (Lorden, Ann. Math. Stat.
// 1971; for any such ratio Shin, Ramdas and Rinaldo, "E-detectors", 2023, arXiv 2203.03532).
//
// Requests whose number varies Dispersion times as much as if they were independent are
// taken for as many times fewer independent ones (quasi-likelihood: McCullagh and Nelder,
// Generalized Linear Models, 2nd ed., chapter 9). That is right for many
// requests in a slice; for few it is the exact answer when runs are Dispersion long.
type test struct {
	rivals  [rivals]ratio
	back    ratio // of the reference against the limit
	usable  bool  // the limit is a share; else it cannot be passed
	cusum   [rivals]float64
	since   [rivals]Tally // that CUSUM has been above 0: since the drift began, if there is one
	healing float64       // CUSUM of back, while in alarm
}

// Tally counts requests, and those of them that reached the stage.
type Tally struct{ Reached, Requests float64 }

// ratio is the logarithm of the likelihood ratio that a request brings.
type ratio struct{ hit, miss float64 }

func between(rival, limit float64) ratio {
	return ratio{math.Log(rival / limit), math.Log((1 - rival) / (1 - limit))}
}

func (r ratio) of(t Tally) float64 { return t.Reached*r.hit + (t.Requests-t.Reached)*r.miss }

// newTest tests for a share above the expected one by the allowance, or, if the allowance is
// negative, below it.
func newTest(expected, allowance float64) test {
	limit := expected + allowance
	if limit <= 0 || limit >= 1 {
		return test{}
	}
	t := test{usable: true, back: between(inside(expected), limit)}
	for i, d := range beyond {
		end := 1.0
		if allowance < 0 {
			d, end = -d, 0
		}
		if rival := limit + d; rival > 0 && rival < 1 {
			t.rivals[i] = between(rival, limit)
		} else {
			t.rivals[i] = between((limit+end)/2, limit)
		}
	}
	return t
}

// inside keeps a likelihood of 0 from being final.
func inside(share float64) float64 { return min(max(share, 1e-4), 1-1e-4) }

// add looks at a slice. independent is what its requests count for: 1/Dispersion.
func (t *test) add(slice Tally, independent float64) {
	if !t.usable {
		return
	}
	for i, r := range t.rivals {
		if t.cusum[i] <= 0 {
			t.cusum[i], t.since[i] = 0, Tally{}
		}
		t.cusum[i] += independent * r.of(slice)
		t.since[i].Reached += slice.Reached
		t.since[i].Requests += slice.Requests
	}
	t.healing = max(t.healing, 0) + independent*t.back.of(slice)
}

// strongest is the rival with the most evidence.
func (t *test) strongest() (evidence float64, since Tally) {
	for i, x := range t.cusum {
		if x > evidence {
			evidence, since = x, t.since[i]
		}
	}
	return evidence, since
}

// again starts anew.
func (t *test) again() {
	t.cusum, t.since, t.healing = [rivals]float64{}, [rivals]Tally{}, 0
}
