//go:build peers

package spot

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
)

// AWS's own mock of the metadata service, in its second version alone: .ci/peers installs it. It says
// after some seconds that the VM is taken back, or recommends to leave it.
func TestTheMockOfAWS(t *testing.T) {
	program := os.Getenv("SERFLOW_EC2_METADATA_MOCK")
	if program == "" {
		t.Fatal("SERFLOW_EC2_METADATA_MOCK is not set: run .ci/peers")
	}
	for name, c := range map[string]struct {
		path, field string
		delay       []string
	}{
		"notice":    {actionPath, "action", []string{"--mock-delay-sec", "3", "--rebalance-delay-sec", "600"}},
		"rebalance": {rebalancePath, "noticeTime", []string{"--mock-delay-sec", "600", "--rebalance-delay-sec", "3"}},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			port := fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
			l.Close()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			var log bytes.Buffer
			cmd := exec.CommandContext(ctx, program, append([]string{"spot", "--action", "terminate", "--imdsv2", "--hostname", "127.0.0.1", "--port", port}, c.delay...)...)
			cmd.Env, cmd.Stdout, cmd.Stderr = append(os.Environ(), "HOME="+t.TempDir()), &log, &log
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() {
				cancel()
				cmd.Wait()
				if t.Failed() {
					t.Log(&log)
				}
			}()
			api := imds.New(imds.Options{EnableFallback: aws.FalseTernary, Endpoint: "http://127.0.0.1:" + port})
			answered := false
			for {
				there, err := look(ctx, api, c.path, c.field)
				if ctx.Err() != nil {
					t.Fatalf("it never said so: %v", err)
				}
				if there {
					break
				}
				answered = answered || err == nil
				time.Sleep(100 * time.Millisecond)
			}
			if !answered {
				t.Error("it said so from the first, or never that there was nothing to say")
			}
		})
	}
}
