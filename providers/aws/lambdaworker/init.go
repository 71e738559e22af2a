package lambdaworker

import (
	"bytes"
	"encoding/json"
	"net/http"
	"time"
)

// confess tells Lambda why a function cannot start, so that callers read that and not only a status.
// See https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html#runtimes-api-initerror, which
// aws-lambda-go does not call. There is nobody to tell if it fails.
func confess(api string, why error) {
	if api == "" {
		return
	}
	const kind = "Runtime.InitError"
	body, _ := json.Marshal(map[string]any{"errorMessage": why.Error(), "errorType": kind, "stackTrace": []string{}})
	r, err := http.NewRequest(http.MethodPost, "http://"+api+"/2018-06-01/runtime/init/error", bytes.NewReader(body))
	if err != nil {
		return
	}
	r.Header.Set("Lambda-Runtime-Function-Error-Type", kind)
	client := http.Client{Transport: &http.Transport{}, Timeout: 2 * time.Second} // no proxy
	if answer, err := client.Do(r); err == nil {
		answer.Body.Close()
	}
}
