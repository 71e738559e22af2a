package gcp_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/serflow/serflow-go/internal/fakegcp"
	"github.com/serflow/serflow-go/providers"
	"github.com/serflow/serflow-go/providers/gcp"
)

// What is missing of credentials is said, and nobody is called.
func TestNoCredentials(t *testing.T) {
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", filepath.Join(t.TempDir(), "none"))
	r := gcp.Functions(gcp.FunctionOptions{Project: project, Region: region})
	_, err := r.List(t.Context(), "shop")
	isError(t, err, providers.ErrInvalid, "application default credentials")
	e := gcp.VMs(gcp.VMOptions{Project: project, Zones: []string{home}})
	_, err = e.List(t.Context(), "shop")
	isError(t, err, providers.ErrInvalid, "application default credentials")
}

// accountKey is the key of a service account, whose tokens a server gives out.
func accountKey(t *testing.T, tokens string) (file string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]string{
		"type": "service_account", "project_id": project, "client_email": "shop@shop-1234.iam.gserviceaccount.com", "token_uri": tokens, "private_key_id": "1",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})),
	})
	if err == nil {
		file = filepath.Join(t.TempDir(), "key.json")
		err = os.WriteFile(file, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// signed is a token as Google signs them, but for the signature.
func signed(claims any) string {
	part := func(v any) string {
		b, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(b)
	}
	return part(map[string]string{"alg": "RS256"}) + "." + part(claims) + ".signature"
}

// shows checks the identity token of calls, and has the fake take it.
type shows struct {
	t     *testing.T
	cloud *fakegcp.Cloud
	token string
}

func (s shows) RoundTrip(r *http.Request) (*http.Response, error) {
	if got := r.Header.Get("X-Serverless-Authorization"); got != "Bearer "+s.token {
		s.t.Errorf("it shows %q", got)
	}
	there := r.Clone(r.Context())
	there.Header.Set("X-Serverless-Authorization", "Bearer "+fakegcp.IdentityToken("https://"+r.URL.Host))
	return s.cloud.Client().Transport.RoundTrip(there)
}

// By default calls show an identity token of the application default credentials: here of the key of a
// service account, for which a server gives one with the service as its audience. It is asked for once.
func TestTheDefaultIdentity(t *testing.T) {
	asked := 0
	token := signed(map[string]any{"exp": time.Now().Add(time.Hour).Unix(), "aud": "the service"})
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		claims, _ := base64.RawURLEncoding.DecodeString(strings.Split(r.FormValue("assertion"), ".")[1])
		if !strings.Contains(string(claims), `"target_audience":"https://serflow-`) {
			t.Errorf("a token is asked for with %s", claims)
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"id_token":%q}`, token)
	}))
	defer tokens.Close()
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", accountKey(t, tokens.URL))

	cloud := fakegcp.New(fakegcp.Options{Project: project, Region: region, Container: container})
	r := functionsOf(t, cloud, func(o *gcp.FunctionOptions) {
		o.Token, o.HTTP = nil, &http.Client{Transport: shows{t, cloud, token}}
	})
	id := ensured(t, r, specOf(t, r))
	for range 3 {
		if got, err := r.Invoke(context.WithoutCancel(t.Context()), id, []byte("abc")); err != nil || string(got.Body) != "ABC" {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	if asked != 1 {
		t.Errorf("%d tokens were asked for", asked)
	}
}
