package aws

import (
	"context"
	"fmt"
	"sync"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/serflow/serflow-go/providers"
)

// client is made when it is first needed, so that a program that rents elsewhere asks nobody
// for credentials.
type client struct {
	mu        sync.Mutex
	config    *sdk.Config // nil until it is known
	vms       *ec2.Client
	functions *lambda.Client
}

// loaded is the configuration: the user's, or the SDK's default. The client is locked. What is
// missing is looked for again by the next call.
func (c *client) loaded(ctx context.Context, op string) (cfg sdk.Config, err error) {
	if c.config != nil {
		cfg = *c.config
	} else if cfg, err = config.LoadDefaultConfig(ctx); err != nil {
		return cfg, failed(op, "mend what the SDK reads: AWS_* of the environment, ~/.aws/config and credentials", fmt.Errorf("%w: %w", because(ctx), err))
	}
	if cfg.Region == "" {
		return cfg, failed(op, "set AWS_REGION, or give a Config that has one", fmt.Errorf("%w: no region", providers.ErrInvalid))
	}
	c.config = &cfg
	return cfg, nil
}

// because is the context's error, if it is over, or else that something is invalid.
func because(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return providers.ErrInvalid
}

func (c *client) ec2(ctx context.Context, op string) (*ec2.Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.vms == nil {
		cfg, err := c.loaded(ctx, op)
		if err != nil {
			return nil, err
		}
		c.vms = ec2.NewFromConfig(cfg)
	}
	return c.vms, nil
}

func (c *client) lambda(ctx context.Context, op string) (*lambda.Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.functions == nil {
		cfg, err := c.loaded(ctx, op)
		if err != nil {
			return nil, err
		}
		c.functions = lambda.NewFromConfig(cfg)
	}
	return c.functions, nil
}
