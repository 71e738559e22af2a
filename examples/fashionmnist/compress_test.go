package main

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"testing"
	"time"
)

// BenchmarkCompression is what it would take to compress what travels into each stage: to how much less
// (ratio), and how slow a link must be for that to gain time (break-even, in Mbit/s): on a faster one, what
// is saved in sending is less than packing and unpacking take. The fastest level of Deflate is tried.
func BenchmarkCompression(b *testing.B) {
	const rows = 16
	for k, in := range stageInputs(b, rows) {
		var body []byte
		for _, t := range in {
			body = append(body, t.Data...)
		}
		b.Run(fmt.Sprintf("into s%d", k+1), func(b *testing.B) {
			var packed bytes.Buffer
			w, err := flate.NewWriter(&packed, flate.BestSpeed)
			if err != nil {
				b.Fatal(err)
			}
			var packs, unpacks []time.Duration
			for b.Loop() {
				begun := time.Now()
				packed.Reset()
				w.Reset(&packed)
				if _, err := w.Write(body); err != nil {
					b.Fatal(err)
				}
				if err := w.Close(); err != nil {
					b.Fatal(err)
				}
				half := time.Now()
				if n, err := io.Copy(io.Discard, flate.NewReader(bytes.NewReader(packed.Bytes()))); err != nil || int(n) != len(body) {
					b.Fatal(n, err)
				}
				packs, unpacks = append(packs, half.Sub(begun)), append(unpacks, time.Since(half))
			}
			takes := median(packs) + median(unpacks)
			saved := len(body) - packed.Len()
			b.ReportMetric(float64(len(body)), "bytes")
			b.ReportMetric(float64(packed.Len())/float64(len(body)), "ratio")
			b.ReportMetric(8*float64(saved)/takes.Seconds()/1e6, "break-even-Mbit/s")
		})
	}
}
