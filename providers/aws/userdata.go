package aws

import (
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/serflow/serflow-go/internal/launch"
	"github.com/serflow/serflow-go/providers"
)

// longestUserData is what EC2 takes, in bytes before they are encoded.
const longestUserData = 16 << 10

// script starts the worker as soon as the VM has booted, and ends the VM when the worker ends:
// shutting down terminates it. So it does if there is no such program, and when the worker has
// not heard of its owner for too long. What is to be served is kept from other users of the VM.
const script = `#!/bin/sh
umask 077
mkdir -p /run/serflow
cat > /run/serflow/start.json <<'END_OF_START'
%s
END_OF_START
(
	export %s=/run/serflow/start.json
	%s
)
shutdown -h now
`

// userData is the script with what the worker is told.
func (o VMOptions) userData(setup string) (string, error) {
	start, err := json.Marshal(launch.Start{Kind: launch.VM, Listen: fmt.Sprintf("0.0.0.0:%d", o.Port), Setup: setup, Pace: 1})
	if err != nil {
		return "", fmt.Errorf("%w: the setup: %w", providers.ErrInvalid, err)
	}
	text := fmt.Sprintf(script, start, launch.Environment, o.Command)
	if n := len(text); n > longestUserData {
		return "", fmt.Errorf("%w: the user data has %d bytes, %d more than EC2 takes: tell workers less", providers.ErrInvalid, n, n-longestUserData)
	}
	return base64.StdEncoding.EncodeToString([]byte(text)), nil
}
