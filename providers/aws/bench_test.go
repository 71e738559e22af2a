package aws_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

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
	for _, size := range []int{1 << 10, 100 << 10, 1 << 20} {
		body := make([]byte, size)
		payload, _ := json.Marshal(body)
		b.Run(fmt.Sprintf("%dKB/bare", size>>10), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				in := &lambda.InvokeInput{FunctionName: &fn.ID, Qualifier: sdk.String("live"), LogType: types.LogTypeTail, Payload: payload}
				if _, err := bare.Invoke(b.Context(), in); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("%dKB/ours", size>>10), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ours.Invoke(b.Context(), fn.ID, body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
