package aws_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/serflow/serflow-go/internal/fakeaws"
	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/aws"
)

// environment is what the SDK's default chain reads, and nothing of this machine.
func environment(t *testing.T, more map[string]string) {
	t.Helper()
	none := filepath.Join(t.TempDir(), "none")
	all := map[string]string{"AWS_CONFIG_FILE": none, "AWS_SHARED_CREDENTIALS_FILE": none, "AWS_EC2_METADATA_DISABLED": "true"}
	for _, name := range []string{"AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} {
		t.Setenv(name, "") // so that it is set again after the test
		os.Unsetenv(name)
	}
	for _, vars := range []map[string]string{all, more} {
		for name, value := range vars {
			t.Setenv(name, value)
		}
	}
}

// Without a Config, what the environment says is used, over real connections.
func TestTheDefaultChain(t *testing.T) {
	cloud := newCloud()
	server := httptest.NewServer(cloud)
	defer server.Close()
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	environment(t, map[string]string{"AWS_REGION": region, "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "key", "AWS_ENDPOINT_URL_EC2": server.URL})
	o := options(cloud)
	o.Config = nil
	e := aws.VMs(o)
	if vms, err := e.Launch(t.Context(), launchOf(e, t, "a", 2)); err != nil || len(vms) != 2 {
		t.Errorf("%v, %v", vms, err)
	}
	cloud.Fail(run, fakeaws.Denied)
	_, err := e.Launch(t.Context(), launchOf(e, t, "b", 2))
	isError(t, err, providers.ErrInvalid, "ec2:RunInstances")
}

// What is missing is named, and nobody is called. A later call finds what has been mended.
func TestAnEnvironmentThatSaysLittle(t *testing.T) {
	cloud := newCloud()
	o := options(cloud)
	o.Config = nil
	e := aws.VMs(o)
	environment(t, nil)
	_, err := e.List(t.Context(), "shop")
	isError(t, err, providers.ErrInvalid, "AWS_REGION")
	e = aws.VMs(o)
	environment(t, map[string]string{"AWS_REGION": region, "AWS_ENDPOINT_URL_EC2": "http://127.0.0.1:1"})
	_, err = e.List(t.Context(), "shop")
	isError(t, err, providers.ErrInvalid, "credentials")
	e = aws.VMs(o)
	environment(t, map[string]string{"AWS_REGION": region, "AWS_PROFILE": "nobody"})
	_, err = e.List(t.Context(), "shop")
	isError(t, err, providers.ErrInvalid, "nobody", "~/.aws/config")
}
