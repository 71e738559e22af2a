package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"io"
	"os"

	"github.com/serflow/serflow-go/internal/simcli"
	"github.com/serflow/serflow-go/provisioner/simulate/traffic"
)

// sample is when requests of an hour came. Its source and licence are in the folder.
//
//go:embed trace/azure-llm-conv-2023-times.csv.gz
var sample []byte

const sampleName = "Azure LLM inference trace 2023, conversation"

// rates are requests per second, in each second, and what traffic that is.
func (s settings) rates(m simcli.Model) ([]float64, string, error) {
	if s.trace == "" {
		vcpus := s.vcpus
		if vcpus == 0 {
			vcpus = 4
		}
		return traffic.Bursts(vcpus/m.Work, s.length, s.seed), fmt.Sprintf("generated: a daily curve with bursts, seed %d", s.seed), nil
	}
	t, name := traffic.Trace{Format: s.format, From: s.from, To: s.to}, s.trace
	t.Open = func() (io.ReadCloser, error) { return os.Open(s.trace) }
	if s.trace == "sample" {
		name = sampleName
		t.Open = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(sample)), nil }
	}
	recorded, err := t.Measure()
	if err != nil {
		return nil, "", fmt.Errorf("-trace, -format, -from, -to: %s: %w", name, err)
	}
	rate := recorded.Rate()
	if s.vcpus > 0 {
		rate = s.vcpus / m.Work
	}
	rates, err := t.Rates(rate, 0)
	if err != nil {
		return nil, "", fmt.Errorf("-trace: %s: %w", name, err)
	}
	return rates, name + ", its rate smoothed over a minute and redrawn", nil
}
