package runtimelib

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"pmx/internal/atomicfile"
)

// recordName is the file that describes an installed library. It is written last,
// where the library stays: a folder without it is none.
const recordName = "install.json"

// record is the content of install.json.
type record struct {
	Format    string       `json:"format"` // "pmx-runtime-1"
	Kind      Kind         `json:"kind"`
	Version   string       `json:"version"`
	Platform  string       `json:"platform"` // linux/amd64
	Source    string       `json:"source"`   // pip onnxruntime==1.27.0
	Licence   string       `json:"licence"`
	Library   string       `json:"library"`
	Converted string       `json:"converted,omitempty"` // says so of a library that pmx made of another file
	Providers []string     `json:"providers,omitempty"`
	Files     []recordFile `json:"files"`
}

type recordFile struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

const recordFormat = "pmx-runtime-1"

func (r record) write(dir string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.WriteBytes(filepath.Join(dir, recordName), append(data, '\n'))
}

// readRecord reads the record of dir and checks that the files have the
// recorded sizes.
func readRecord(dir string) (record, error) {
	var r record
	data, err := os.ReadFile(filepath.Join(dir, recordName))
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(data, &r); err != nil || r.Format != recordFormat {
		return r, fmt.Errorf("%s is not of this program", recordName)
	}
	for _, f := range r.Files {
		if !filepath.IsLocal(f.Name) {
			return r, fmt.Errorf("%s is not of this program", recordName)
		}
		info, err := os.Stat(filepath.Join(dir, f.Name))
		if err != nil {
			return r, err
		}
		if info.Size() != f.Size {
			return r, fmt.Errorf("%s has %d bytes, not %d", f.Name, info.Size(), f.Size)
		}
	}
	return r, nil
}

// verify compares every file's digest with the record.
func (r record) verify(dir string) error {
	for _, f := range r.Files {
		got, _, err := digest(filepath.Join(dir, f.Name))
		if err != nil {
			return err
		}
		if err := checkDigest(got, f.SHA256); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return nil
}

// source is the pinned source that the record names.
func (r record) source(rel release) (source, error) {
	for _, s := range rel.sources {
		if r.Source == s.describe(rel.version) {
			return s, nil
		}
	}
	return source{}, fmt.Errorf("it came from %q, which this pmx does not know", r.Source)
}

// verifyPins checks that the record is that of a pinned source, so that a
// record rewritten together with its files is noticed.
func (r record) verifyPins(rel release) error {
	s, err := r.source(rel)
	if err != nil {
		return err
	}
	recorded := map[string]string{}
	for _, f := range r.Files {
		recorded[f.Name] = f.SHA256
	}
	for _, m := range s.members {
		got, ok := recorded[m.to]
		if !ok {
			return fmt.Errorf("%s is missing", m.to)
		}
		if want := m.installedSHA256(); want != "" {
			if err := checkDigest(got, want); err != nil {
				return fmt.Errorf("%s: %w", m.to, err)
			}
		}
	}
	return nil
}

func (r record) library(dir string) Library {
	lib := Library{
		Kind: r.Kind, Version: r.Version, Path: filepath.Join(dir, r.Library), Dir: dir,
		Source: r.Source, Licence: r.Licence, Converted: r.Converted, Providers: r.Providers,
	}
	for _, f := range r.Files {
		lib.Size += f.Size
	}
	return lib
}

// pinned is the library of a record that may be older than its field Converted.
func (r record) pinned(rel release, dir string) Library {
	lib := r.library(dir)
	if s, err := r.source(rel); err == nil {
		lib.Converted = s.conversion()
	}
	return lib
}
