package gcp

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/provisioner"
	"github.com/serflow/serflow-go/stage"
)

func stagesDrawn(t *rapid.T) stage.Range {
	return stage.Range{First: rapid.IntRange(0, 99).Draw(t, "first"), Last: rapid.IntRange(0, 99).Draw(t, "last")}
}

// What annotations say of a function is read again as it was, whatever the owner is called; names are
// as Cloud Run wants them, and another for another spec.
func TestFunctionsReadAgain(t *testing.T) {
	service := regexp.MustCompile(`^[a-z][a-z0-9-]{0,47}[a-z0-9]$`)
	rapid.Check(t, func(t *rapid.T) {
		s := providers.FunctionSpec{
			Owner: rapid.String().Draw(t, "owner"), Artifact: rapid.String().Draw(t, "artifact"), Stages: stagesDrawn(t),
			Offer: provisioner.FunctionOffer{
				Name: rapid.String().Draw(t, "name"), Arch: rapid.SampledFrom([]string{"", "amd64"}).Draw(t, "arch"), MemoryMB: rapid.IntRange(128, 32768).Draw(t, "mb"),
				PerCall: rapid.Float64Range(0, 1).Draw(t, "call"), PerGBSecond: rapid.Float64Range(0, 1).Draw(t, "gbs"), IdlePerHour: rapid.Float64Range(0, 9).Draw(t, "idle"),
				Round: time.Duration(rapid.Int64Range(0, 1e9).Draw(t, "round")), Concurrency: rapid.IntRange(0, 1e6).Draw(t, "concurrency"),
				Timeout: longestCall, Payload: longestBody,
			},
		}
		if got := functionFrom("f", functionTags(s)); got.FunctionSpec != s || got.ID != "f" {
			t.Errorf("%+v, want %+v", got, s)
		}
		other := s
		other.Setup = "x"
		if nameOf(s) == nameOf(other) || !service.MatchString(nameOf(s)) || !strings.HasPrefix(nameOf(s), prefixOf(s.Owner)) {
			t.Errorf("%s and %s", nameOf(s), nameOf(other))
		}
		spoilt := rapid.String().Draw(t, "annotations that somebody has changed")
		functionOfferFrom("x", spoilt)
		vmOfferFrom("x", spoilt)
	})
}

// What metadata says of a VM is read again as it was; its price is that of the type.
func TestVMsReadAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := providers.Launch{
			Owner: rapid.String().Draw(t, "owner"), Token: rapid.String().Draw(t, "token"), Artifact: rapid.String().Draw(t, "artifact"), Stages: stagesDrawn(t),
			Offer: provisioner.VMOffer{
				Name: rapid.String().Draw(t, "name"), Arch: rapid.SampledFrom([]string{"", "arm64", "amd64"}).Draw(t, "arch"),
				VCPUs: rapid.Float64Range(0, 1e6).Draw(t, "vcpus"), MemoryGB: rapid.Float64Range(0, 1e6).Draw(t, "gb"),
				PerHour: 9, Interruptions: rapid.Float64Range(0, 10).Draw(t, "interruptions"), Minimum: time.Duration(rapid.Int64Range(0, 1e12).Draw(t, "minimum")),
				Market: rapid.SampledFrom([]provisioner.Market{provisioner.OnDemand, provisioner.Spot, provisioner.Committed}).Draw(t, "market"),
			},
		}
		c := candidate{Type: Type{Name: "t", PerHour: rapid.Float64Range(0, 9).Draw(t, "hour")}, zone: "us-central1-a"}
		request, err := VMOptions{Project: "shop-1234", Port: 8080, Image: "projects/p/global/images/i"}.insertion(providers.Launch{
			Owner: l.Owner, Token: l.Token, Offer: l.Offer, Stages: l.Stages, Setup: "x",
		}, 0, c)
		if err != nil {
			t.Fatal(err)
		}
		want := l.Offer
		want.PerHour = c.PerHour
		got := VMOptions{}.instance(request.InstanceResource)
		if got.Owner != l.Owner || got.Token != l.Token || got.Offer != want || got.Stages != l.Stages {
			t.Errorf("%+v, want %+v", got, l)
		}
		for _, value := range request.InstanceResource.Labels {
			if !regexp.MustCompile(`^[a-z0-9_-]{0,63}$`).MatchString(value) {
				t.Errorf("label %q", value)
			}
		}
	})
}

// Labels of different texts are different, also of one that looks like a digest.
func TestLabels(t *testing.T) {
	seen := map[string]string{}
	for _, text := range []string{"shop", "Shop", "", "shop-1", strings.Repeat("a", 63), strings.Repeat("a", 64), "é", label("é"), "-shop"} {
		l := label(text)
		if other, there := seen[l]; there && !strings.HasPrefix(text, "sha256-") {
			t.Errorf("%q and %q are both %q", text, other, l)
		}
		seen[l] = text
	}
	if label("shop") != "shop" {
		t.Error("people cannot read it")
	}
}

// Whatever somebody has written into tags, it is read or not; what is read of stages is written the same.
func FuzzTags(f *testing.F) {
	f.Add("arch:amd64 mb:2048 call:4e-07 gbs:1.45e-05 idle:0.027 round:100ms concurrency:100 timeout:1h0m0s payload:33554432", "0-2")
	f.Add("arch:amd64 vcpus:4 gb:16 hour:0.134 minimum:1m0s market:spot interruptions:0.05", "1-1")
	f.Add("mb:x gbs:: :", "-")
	f.Fuzz(func(t *testing.T, terms, stages string) {
		functionOfferFrom("x", terms)
		vmOfferFrom("x", terms)
		if r := stagesFrom(stages); r.First >= 0 && r.Last >= 0 && stagesFrom(stagesText(r)) != r {
			t.Errorf("%q is %v", stages, r)
		}
	})
}
