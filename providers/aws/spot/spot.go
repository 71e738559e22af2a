// Package spot waits, on a VM of EC2, for word that AWS is about to take it back. It is for the
// worker alone, which then takes no more rows and finishes those that it has, while its service
// sends them elsewhere and rents another VM:
//
//	worker.Main(Model, worker.InterruptWhen(spot.Notice), worker.InterruptWhen(spot.Rebalance))
//
// It asks the VM's metadata service, in its second version (IMDSv2) alone, and needs no credentials
// and no rights. VMs that are not spot are never taken back so, and ask in vain, which costs nothing.
package spot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
)

// Where AWS says it, as nothing at all until then. See
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html and
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/rebalance-recommendations.html.
const (
	actionPath    = "spot/instance-action"
	rebalancePath = "events/recommendations/rebalance"
)

// pause is between two looks, as AWS recommends for both.
const pause = 5 * time.Second

// patience is for how many looks in a row a metadata service may be silent that has never answered.
const patience = 12

// Notice returns nil once AWS has said that it takes the VM back: two minutes before it does. Its error
// is the context's, or says that there is no metadata service here: then the program does not run
// on EC2, or may not ask. One that has answered before is asked again however long it is silent.
func Notice(ctx context.Context) error { return wait(ctx, client(), actionPath, "action") }

// Rebalance is Notice for the recommendation to leave the VM, which comes when AWS finds that it is
// likely to take it back: often earlier than the notice, and sometimes without one to follow. A
// service that heeds it pays for more launches and loses less.
func Rebalance(ctx context.Context) error { return wait(ctx, client(), rebalancePath, "noticeTime") }

func client() *imds.Client {
	return imds.New(imds.Options{EnableFallback: aws.FalseTernary})
}

// wait looks until a document is there that has a field.
func wait(ctx context.Context, api *imds.Client, path, field string) error {
	t := time.NewTimer(0)
	defer t.Stop()
	for silent, answered := 0, false; ; {
		select {
		case <-t.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		there, err := look(ctx, api, path, field)
		switch {
		case there:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
			answered = true
		case !answered:
			if silent++; silent == patience {
				return fmt.Errorf("no metadata service of EC2 answers here: %w", err)
			}
		}
		t.Reset(pause)
	}
}

// look tells whether a document is there. Its error says that nobody knows.
func look(ctx context.Context, api *imds.Client, path, field string) (there bool, err error) {
	out, err := api.GetMetadata(ctx, &imds.GetMetadataInput{Path: path})
	var answer interface{ HTTPStatusCode() int }
	if errors.As(err, &answer) && answer.HTTPStatusCode() == http.StatusNotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer out.Content.Close()
	var document map[string]any
	if err := json.NewDecoder(io.LimitReader(out.Content, 1<<16)).Decode(&document); err != nil {
		return false, fmt.Errorf("%s is no JSON: %w", path, err)
	}
	_, there = document[field].(string)
	return there, nil
}
