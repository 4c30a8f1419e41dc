package cli

import (
	"fmt"
	"os"

	"pmx/runtimes"
)

// readProfile sums up the trace in a file, without its first skip steps.
func readProfile(path string, skip int) (*runtimes.Profile, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	p, err := runtimes.ReadProfile(file, skip)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}
