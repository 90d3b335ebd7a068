// grype_db writes a vulnerability database for Grype out of what peers_advisories.py made of the feeds: Grype's own importer and
// its own writer, as its publisher runs them, on other input.
//
//	grype_db INPUT OUTPUT
//
// INPUT has a folder for each provider: metadata.json, and records in results/.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/anchore/grype/grype/db"
	"github.com/anchore/grype/grype/db/provider"
	v6 "github.com/anchore/grype/grype/db/v6"
	_ "github.com/glebarez/sqlite" // the driver, which the writer names only
)

func states(input string) (provider.States, error) {
	var all provider.States
	paths, err := filepath.Glob(filepath.Join(input, "*"))
	for _, path := range paths {
		workspace := provider.NewWorkspaceFromExisting(path)
		// A record that is not in the listing is not read.
		if err := workspace.EnsureListingFile(); err != nil {
			return nil, err
		}
		state, err := workspace.ReadState()
		if err != nil {
			return nil, err
		}
		all = append(all, *state)
	}
	return all, err
}

func run(input, output string) error {
	all, err := states(input)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(output, 0o755); err != nil {
		return err
	}
	return db.Build(db.BuildConfig{
		SchemaVersion:      v6.ModelVersion,
		Directory:          output,
		States:             all,
		Timestamp:          time.Now().UTC(),
		Hydrate:            true, // what Grype does with a database that it downloads: its indices
		SQLiteCacheSizeKiB: 64 << 10,
	})
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: grype_db INPUT OUTPUT")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "grype_db:", err)
		os.Exit(1)
	}
}
