//go:build !race

package planner_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/serflow/serflow-go/provisioner/planner"
)

// What an owner of a bill reads, in order.
func TestExplain(t *testing.T) {
	for name, c := range map[string]struct {
		ask  planner.Ask
		says []string
	}{
		"a small model, little traffic": {cpu(20), []string{
			"dollars an hour,", "a month, for 20 requests/s", "99.99 % of the requests should be answered within 300ms",
			"No VMs for stages 1-3, to which 20 requests/s come", `A VM of "2-vCPU VM" pays from 62.9 requests/s there (T-CIP): from`,
			"a million calls cost 0.376 dollars", "Splitting does not pay: one group a stage would cost", "more for functions",
		}},
		"a small model, more traffic": {cpu(200), []string{
			`VMs for stages 1-3: 1 VM of "2-vCPU VM" for all of 200 requests/s`, "at 0.0661 dollars a million; on functions a million costs 0.376",
			"A VM pays from 62.9 requests/s (T-CIP). Below", "functions alone would be cheaper", "Commit to 0.055 dollars an hour",
		}},
		"BERT": {bert(150), []string{`of "arm spot" (spot)`, "and functions for the rest", "One is taken back every 20 hours or so, and another boots for 2m0s: 0.167 % of the time it is missing and functions serve instead", "on functions a million costs", "functions alone would be cheaper", "Splitting"}},
		"two language models": {languages(600), []string{
			`VMs for stage 2`, `of "gpu", in batches of up to`, "No function could take what they do not serve", "the largest function has 3538, so functions take over only where", "Splitting pays: one group of each kind would cost", "hardware: different VMs",
		}},
	} {
		r := plan(t, c.ask)
		text := r.Explain()
		t.Logf("%s\n%s", name, text)
		rest := text
		for _, what := range c.says {
			_, after, ok := strings.Cut(rest, what)
			if !ok {
				t.Errorf("%s: no %q, or not there:\n%s", name, what, text)
				break
			}
			rest = after
		}
		if odd := []string{"NaN", "Inf", "e-0", "%!"}; slices.ContainsFunc(odd, func(s string) bool { return strings.Contains(text, s) }) {
			t.Errorf("%s: not plain:\n%s", name, text)
		}
	}
}
