package launch

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// ParseReady reads a line of a child's standard output. Ok tells whether it is one that
// holds a Ready; then either the Ready can be used, or the error says why not.
func ParseReady(line string) (r Ready, ok bool, err error) {
	text, ok := strings.CutPrefix(line, ReadyPrefix)
	if !ok {
		return Ready{}, false, nil
	}
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return Ready{}, true, fmt.Errorf("what follows %q is no JSON of it: %w", ReadyPrefix, err)
	}
	if err := r.validate(); err != nil {
		return Ready{}, true, err
	}
	return r, true, nil
}

// validate reports a Ready that says neither or both, or an address that cannot be called.
func (r Ready) validate() error {
	switch {
	case r.Error != "" && r.Address != "":
		return errors.New("it gives both an address and an error")
	case r.Error != "":
		return nil
	case r.Address == "":
		return errors.New("it gives neither an address nor an error")
	}
	address, err := netip.ParseAddrPort(r.Address)
	switch {
	case err != nil:
		return fmt.Errorf("its address is no IP address and port: %w", err)
	case address.Port() == 0 || address.Addr().IsUnspecified():
		return fmt.Errorf("its address %s cannot be called: give the one that is listened at", address)
	}
	return nil
}
