package aws

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/provisioner"
)

// createdTag is when a function was made, in nanoseconds of Unix time: Lambda only knows when it
// was changed last.
const createdTag = "serflow:created"

// prefixOf begins the names of an owner's functions: Lambda lists by no tag.
func prefixOf(owner string) string { return "serflow-" + digest(owner)[:12] + "-" }

// nameOf is the name of the function that a spec describes: the same for equal specs and options,
// whoever asks. What is in it is never changed in a function; the code can be, but not from a zip file
// to an image.
func (o FunctionOptions) nameOf(s providers.FunctionSpec, c code) string {
	return prefixOf(s.Owner) + digest(s.Offer.Name, functionTerms(s.Offer), stagesText(s.Stages), s.Artifact, s.Setup,
		o.Role, fmt.Sprint(o.seconds(s.Offer)), fmt.Sprint(c.image != ""))[:32]
}

func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d %s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// functionTags is what List reads again.
func functionTags(s providers.FunctionSpec, now time.Time) map[string]string {
	return map[string]string{
		ownerTag: plain(s.Owner), offerTag: plain(s.Offer.Name), termsTag: functionTerms(s.Offer),
		stagesTag: stagesText(s.Stages), artifactTag: plain(s.Artifact), createdTag: strconv.FormatInt(now.UnixNano(), 10),
	}
}

// functionFrom is the inverse of functionTags. What cannot be read is left out.
func functionFrom(name string, tags map[string]string) (fn providers.Function, created int64) {
	created, _ = strconv.ParseInt(tags[createdTag], 10, 64)
	return providers.Function{ID: name, FunctionSpec: providers.FunctionSpec{
		Owner: unplain(tags[ownerTag]), Offer: functionOfferFrom(unplain(tags[offerTag]), tags[termsTag]),
		Stages: stagesFrom(tags[stagesTag]), Artifact: unplain(tags[artifactTag]),
	}}, created
}

// plain writes a text with the characters that Lambda takes in tags, and others as = and two
// hexadecimal digits a byte.
func plain(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("+-._:/@", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "=%02x", c)
		}
	}
	return b.String()
}

// unplain is the inverse of plain, and any other text as it is.
func unplain(text string) string {
	parts := strings.Split(text, "=")
	for i, p := range parts[1:] {
		b, err := hex.DecodeString(p[:min(2, len(p))])
		if err != nil || len(b) != 1 {
			return text
		}
		parts[i+1] = string(b) + p[2:]
	}
	return strings.Join(parts, "")
}

// functionTerms is what an offer says beside its name.
func functionTerms(o provisioner.FunctionOffer) string {
	number := func(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
	return strings.Join([]string{
		"arch:" + o.Arch, fmt.Sprint("mb:", o.MemoryMB), "call:" + number(o.PerCall), "gbs:" + number(o.PerGBSecond), "idle:" + number(o.IdlePerHour), "round:" + nanoseconds(o.Round),
		fmt.Sprint("concurrency:", o.Concurrency), "timeout:" + nanoseconds(o.Timeout), fmt.Sprint("payload:", o.Payload),
	}, " ")
}

func functionOfferFrom(name, terms string) provisioner.FunctionOffer {
	o := provisioner.FunctionOffer{Name: name}
	numbers := map[string]*float64{"call": &o.PerCall, "gbs": &o.PerGBSecond, "idle": &o.IdlePerHour}
	counts := map[string]*int{"mb": &o.MemoryMB, "concurrency": &o.Concurrency, "payload": &o.Payload}
	times := map[string]*time.Duration{"round": &o.Round, "timeout": &o.Timeout}
	for _, term := range strings.Fields(terms) {
		key, value, _ := strings.Cut(term, ":")
		if to := numbers[key]; to != nil {
			*to, _ = strconv.ParseFloat(value, 64)
		} else if to := counts[key]; to != nil {
			*to, _ = strconv.Atoi(value)
		} else if to := times[key]; to != nil {
			*to, _ = time.ParseDuration(value)
		} else if key == "arch" {
			o.Arch = value
		}
	}
	return o
}
