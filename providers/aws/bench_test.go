package aws_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/serflow/serflow-go/internal/fakeaws"
	"github.com/serflow/serflow-go/providers/aws"
)

// Our Invoke beside the SDK's with a payload that is encoded already, over the same connections
// to a function that echoes.
func BenchmarkInvoke(b *testing.B) {
	cloud := fakeaws.New(fakeaws.Options{Region: region, Function: func(payload []byte) ([]byte, error) { return payload, nil }})
	server := httptest.NewServer(cloud)
	defer server.Close()
	o := functionOptions(cloud)
	o.Config.BaseEndpoint, o.Config.HTTPClient = sdk.String(server.URL), &http.Client{Transport: &http.Transport{}}
	ours, bare := aws.Functions(o), lambda.NewFromConfig(*o.Config)
	s := aws.Sizes()[0]
	fn, err := ours.Ensure(b.Context(), specWith(s))
	if err != nil {
		b.Fatal(err)
	}
	sideBySide(b, ours, bare, fn.ID)
}

// sideBySide calls a function that echoes, by the SDK's Invoke and by ours in turn, so that whatever else
// the machine does slows both, and reports the medians.
func sideBySide(b *testing.B, ours *aws.Lambda, bare *lambda.Client, id string) {
	for _, size := range []int{1 << 10, 100 << 10, 1 << 20} {
		body := make([]byte, size)
		payload, _ := json.Marshal(body)
		calls := []func() error{
			func() error {
				in := &lambda.InvokeInput{FunctionName: &id, Qualifier: sdk.String("live"), LogType: types.LogTypeTail, Payload: payload}
				_, err := bare.Invoke(b.Context(), in)
				return err
			},
			func() error {
				_, err := ours.Invoke(b.Context(), id, body)
				return err
			},
		}
		b.Run(fmt.Sprintf("%dKB", size>>10), func(b *testing.B) {
			var took [2][]time.Duration
			for i := 0; b.Loop(); i++ {
				for k := range calls {
					k = (k + i) % 2
					began := time.Now()
					if err := calls[k](); err != nil {
						b.Fatal(err)
					}
					took[k] = append(took[k], time.Since(began))
				}
			}
			var median [2]float64
			for k := range took {
				slices.Sort(took[k])
				median[k] = float64(took[k][len(took[k])/2])
			}
			b.ReportMetric(median[0], "bare-ns")
			b.ReportMetric(median[1], "ours-ns")
			b.ReportMetric(median[1]/median[0], "ours/bare")
			b.ReportMetric(0, "ns/op") // of a pair
		})
	}
}
