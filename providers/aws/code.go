package aws

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/aws/internal/onlambda"
)

// code is what a function runs, in one of three forms.
type code struct {
	zip                  []byte
	bucket, key, version string
	image                string
}

// longestZip is what a call may upload, by
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html.
const longestZip = 50 << 20

// codeOf reads an artifact. Its error wraps providers.ErrInvalid.
func codeOf(artifact string) (c code, err error) {
	switch {
	case artifact == "":
		return c, fmt.Errorf("%w: nothing to run: give FunctionOptions.Code, or an artifact", providers.ErrInvalid)
	case strings.HasPrefix(artifact, "s3://"):
		u, err := url.Parse(artifact)
		if err != nil || u.Host == "" || len(u.Path) < 2 {
			return c, fmt.Errorf("%w: the artifact %q is no object: give one such as s3://bucket/key, with ?versionId= for one version", providers.ErrInvalid, artifact)
		}
		return code{bucket: u.Host, key: u.Path[1:], version: u.Query().Get("versionId")}, nil
	case strings.HasSuffix(artifact, ".zip"):
		c.zip, err = os.ReadFile(artifact)
		if err != nil {
			return c, fmt.Errorf("%w: the artifact: %w", providers.ErrInvalid, err)
		}
		if n := len(c.zip); n > longestZip {
			return c, fmt.Errorf("%w: the artifact %s has %d bytes, %d more than a call may upload: put it on S3", providers.ErrInvalid, artifact, n, n-longestZip)
		}
		return c, nil
	case strings.Contains(artifact, ".dkr.ecr."):
		return code{image: artifact}, nil
	}
	return c, fmt.Errorf("%w: the artifact %q is no path of a .zip, no s3://bucket/key and no image on ECR", providers.ErrInvalid, artifact)
}

// same tells whether a function's code is this. Of objects and images only Lambda knows, which makes
// no other version of code that it has already.
func (c code) same(sha256Base64 string) bool {
	if c.zip == nil {
		return false
	}
	sum := sha256.Sum256(c.zip)
	return base64.StdEncoding.EncodeToString(sum[:]) == sha256Base64
}

func (c code) create() *types.FunctionCode {
	f := &types.FunctionCode{ZipFile: c.zip}
	if c.image != "" {
		f.ImageUri = sdk.String(c.image)
	}
	if c.bucket != "" {
		f.S3Bucket, f.S3Key, f.S3ObjectVersion = sdk.String(c.bucket), sdk.String(c.key), optional(c.version)
	}
	return f
}

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func (c code) update(function, arch string) *lambda.UpdateFunctionCodeInput {
	f := c.create()
	return &lambda.UpdateFunctionCodeInput{
		FunctionName: sdk.String(function), Architectures: []types.Architecture{architectures[arch]},
		ZipFile: f.ZipFile, ImageUri: f.ImageUri, S3Bucket: f.S3Bucket, S3Key: f.S3Key, S3ObjectVersion: f.S3ObjectVersion,
	}
}

// architectures are by Go's names.
var architectures = map[string]types.Architecture{"arm64": types.ArchitectureArm64, "amd64": types.ArchitectureX8664}

// longestEnvironment is what Lambda takes, in bytes.
const longestEnvironment = 4 << 10

// environment is what a function is told. One vCPU comes with 1,769 MB.
func environment(s providers.FunctionSpec) (*types.Environment, error) {
	start, err := json.Marshal(launch.Start{Kind: launch.Function, Setup: s.Setup, Pace: min(1, float64(s.Offer.MemoryMB)/1769)})
	if err != nil {
		return nil, fmt.Errorf("%w: the setup: %w", providers.ErrInvalid, err)
	}
	vars := map[string]string{launch.Environment: onlambda.Marked, launch.StartVariable: string(start)}
	n := 0
	for name, value := range vars {
		n += len(name) + len(value)
	}
	if n > longestEnvironment {
		return nil, fmt.Errorf("%w: the environment has %d bytes, %d more than Lambda takes: tell functions less", providers.ErrInvalid, n, n-longestEnvironment)
	}
	return &types.Environment{Variables: vars}, nil
}
