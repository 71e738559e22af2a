// Package catalogue has profiles of models and price sheets of clouds to simulate with: no weights,
// no account. Each says where its numbers are from and what of them is assumed.
package catalogue

import (
	"embed"
	"fmt"
	"path"
	"strings"

	"github.com/serflow/serflow-go/provisioner/profile"
)

//go:embed profiles/*.json prices/*.json
var files embed.FS

// Profiles are the names of the profiles.
func Profiles() []string { return names("profiles") }

// Profile is a profile by its name. The error names those there are.
func Profile(name string) (*profile.Document, error) {
	f, err := files.Open("profiles/" + name + ".json")
	if err != nil {
		return nil, fmt.Errorf("no profile %q: there are %s", name, strings.Join(Profiles(), ", "))
	}
	defer f.Close()
	return profile.ReadDocument(f)
}

// Sheets are the names of the price sheets.
func Sheets() []string { return names("prices") }

// Prices is a price sheet by its name. The error names those there are.
func Prices(name string) (*Sheet, error) {
	f, err := files.Open("prices/" + name + ".json")
	if err != nil {
		return nil, fmt.Errorf("no price sheet %q: there are %s", name, strings.Join(Sheets(), ", "))
	}
	defer f.Close()
	return ReadSheet(f)
}

func names(folder string) (names []string) {
	entries, _ := files.ReadDir(folder) // it is embedded
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(path.Base(e.Name()), ".json"))
	}
	return names
}
