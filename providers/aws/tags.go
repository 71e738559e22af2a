package aws

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/stage"
)

// The tags of what we make. Policies name the first: see iam-service.json.
const (
	ownerTag    = "serflow:owner"
	tokenTag    = "serflow:token"
	offerTag    = "serflow:offer"
	termsTag    = "serflow:terms"
	stagesTag   = "serflow:stages"
	artifactTag = "serflow:artifact"
)

// longestTag is how long the value of a tag may be, in characters.
const longestTag = 256

// fits reports a text that cannot be the value of a tag. Its error wraps providers.ErrInvalid.
func fits(what, text string) error {
	switch n := utf8.RuneCountInString(text); {
	case !utf8.ValidString(text):
		return fmt.Errorf("%w: the %s is no UTF-8 text", providers.ErrInvalid, what)
	case n > longestTag:
		return fmt.Errorf("%w: the %s has %d characters, %d more than a tag takes", providers.ErrInvalid, what, n, n-longestTag)
	}
	return nil
}

var markets = map[provisioner.Market]string{provisioner.OnDemand: "on-demand", provisioner.Spot: "spot", provisioner.Committed: "committed"}

// terms is what an offer says beside its name, in the characters that all services take in
// tags.
func terms(o provisioner.VMOffer) string {
	number := func(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
	return strings.Join([]string{
		"arch:" + o.Arch, "vcpus:" + number(o.VCPUs), "gb:" + number(o.MemoryGB), "hour:" + number(o.PerHour),
		"minimum:" + nanoseconds(o.Minimum), "market:" + markets[o.Market], "interruptions:" + number(o.Interruptions),
	}, " ")
}

// nanoseconds is a time without the letter µ, which tags do not take.
func nanoseconds(d time.Duration) string { return strconv.FormatInt(int64(d), 10) + "ns" }

// offerFrom is the inverse of terms. What cannot be read is left out: a VM whose tags somebody
// has changed is still a VM.
func offerFrom(name, terms string) provisioner.VMOffer {
	o := provisioner.VMOffer{Name: name}
	numbers := map[string]*float64{"vcpus": &o.VCPUs, "gb": &o.MemoryGB, "hour": &o.PerHour, "interruptions": &o.Interruptions}
	for _, term := range strings.Fields(terms) {
		key, value, _ := strings.Cut(term, ":")
		switch to := numbers[key]; {
		case to != nil:
			*to, _ = strconv.ParseFloat(value, 64)
		case key == "arch":
			o.Arch = value
		case key == "minimum":
			o.Minimum, _ = time.ParseDuration(value)
		case key == "market":
			for m, text := range markets {
				if text == value {
					o.Market = m
				}
			}
		}
	}
	return o
}

func stagesText(r stage.Range) string { return fmt.Sprintf("%d-%d", r.First, r.Last) }

// stagesFrom is the inverse of stagesText, and for another text stages that no model has.
func stagesFrom(text string) stage.Range {
	first, last, _ := strings.Cut(text, "-")
	a, err1 := strconv.Atoi(first)
	b, err2 := strconv.Atoi(last)
	if err1 != nil || err2 != nil {
		return stage.Range{First: -1, Last: -1}
	}
	return stage.Range{First: a, Last: b}
}
