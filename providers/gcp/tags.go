package gcp

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/stage"
)

// What tells us what is ours. Labels are for filters, bills and people: they hold few characters, so
// an owner or token that does not fit is there as its digest. All of it as it is, is in annotations
// of services and metadata of VMs, which have the same keys.
const (
	ownerKey    = "serflow-owner"
	tokenKey    = "serflow-token"
	offerKey    = "serflow-offer"
	termsKey    = "serflow-terms"
	stagesKey   = "serflow-stages"
	artifactKey = "serflow-artifact"
	planKey     = "serflow-plan"    // digest of what a service is to be
	attemptKey  = "serflow-attempt" // when a revision was last tried that had failed
)

var labelText = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)

// label is a text as the value of a label: itself if that can be, and else its digest.
func label(text string) string {
	if labelText.MatchString(text) {
		return text
	}
	return "sha256-" + digest(text)[:48]
}

func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d %s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
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

func number(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

// vmTags is what List reads again of a VM. The price is that of the type, not of the offer.
func vmTags(l providers.Launch, c candidate) map[string]string {
	return map[string]string{
		ownerKey: l.Owner, tokenKey: l.Token, offerKey: l.Offer.Name, termsKey: vmTerms(bought(l.Offer, c)), stagesKey: stagesText(l.Stages), artifactKey: l.Artifact,
	}
}

var markets = map[provisioner.Market]string{provisioner.OnDemand: "on-demand", provisioner.Spot: "spot", provisioner.Committed: "committed"}

// vmTerms is what an offer says beside its name.
func vmTerms(o provisioner.VMOffer) string {
	return strings.Join([]string{
		"arch:" + o.Arch, "vcpus:" + number(o.VCPUs), "gb:" + number(o.MemoryGB), "hour:" + number(o.PerHour),
		"minimum:" + o.Minimum.String(), "market:" + markets[o.Market], "interruptions:" + number(o.Interruptions),
	}, " ")
}

// vmOfferFrom is the inverse of vmTerms. What cannot be read is left out: a VM whose tags somebody
// has changed is still a VM.
func vmOfferFrom(name, text string) provisioner.VMOffer {
	o, market := provisioner.VMOffer{Name: name}, ""
	readTerms(text, map[string]any{
		"arch": &o.Arch, "vcpus": &o.VCPUs, "gb": &o.MemoryGB, "hour": &o.PerHour, "minimum": &o.Minimum, "market": &market, "interruptions": &o.Interruptions,
	})
	for m, text := range markets {
		if text == market {
			o.Market = m
		}
	}
	return o
}

// functionTags is what List reads again.
func functionTags(s providers.FunctionSpec) map[string]string {
	return map[string]string{
		ownerKey: s.Owner, offerKey: s.Offer.Name, termsKey: functionTerms(s.Offer), stagesKey: stagesText(s.Stages), artifactKey: s.Artifact,
	}
}

// functionFrom is the inverse of functionTags. What cannot be read is left out.
func functionFrom(name string, tags map[string]string) providers.Function {
	return providers.Function{ID: name, FunctionSpec: providers.FunctionSpec{
		Owner: tags[ownerKey], Offer: functionOfferFrom(tags[offerKey], tags[termsKey]), Stages: stagesFrom(tags[stagesKey]), Artifact: tags[artifactKey],
	}}
}

// functionTerms is what an offer says beside its name.
func functionTerms(o provisioner.FunctionOffer) string {
	return strings.Join([]string{
		"arch:" + o.Arch, fmt.Sprint("mb:", o.MemoryMB), "call:" + number(o.PerCall), "gbs:" + number(o.PerGBSecond), "idle:" + number(o.IdlePerHour),
		"round:" + o.Round.String(), fmt.Sprint("concurrency:", o.Concurrency), "timeout:" + o.Timeout.String(), fmt.Sprint("payload:", o.Payload),
	}, " ")
}

func functionOfferFrom(name, text string) provisioner.FunctionOffer {
	o := provisioner.FunctionOffer{Name: name}
	readTerms(text, map[string]any{
		"arch": &o.Arch, "mb": &o.MemoryMB, "call": &o.PerCall, "gbs": &o.PerGBSecond, "idle": &o.IdlePerHour,
		"round": &o.Round, "concurrency": &o.Concurrency, "timeout": &o.Timeout, "payload": &o.Payload,
	})
	return o
}

// readTerms reads words such as "mb:2048" into what their keys are for, and leaves out what it
// does not know.
func readTerms(text string, into map[string]any) {
	for _, term := range strings.Fields(text) {
		key, value, _ := strings.Cut(term, ":")
		switch to := into[key].(type) {
		case *string:
			*to = value
		case *int:
			*to, _ = strconv.Atoi(value)
		case *float64:
			*to, _ = strconv.ParseFloat(value, 64)
		case *time.Duration:
			*to, _ = time.ParseDuration(value)
		}
	}
}
