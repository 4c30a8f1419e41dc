package runtimelib

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"pmx/artifacts/filelock"
	"pmx/internal/atomicfile"
	"pmx/internal/ortapi"
	"pmx/runtimes/orttraining/wheellib"
)

// Library is a runtime library on this machine.
type Library struct {
	Kind      Kind
	Path      string   // of the library itself
	Version   string   // "" if the user named the library
	Dir       string   // the folder with its providers and licences
	Source    string   // pip onnxruntime==1.27.0, --ort-lib or Kind.EnvVar
	Licence   string   // SPDX: MIT
	Converted string   // what pmx made the library of; "" if it is its makers' own file
	Providers []string // execution providers: CPUExecutionProvider, ...
	Size      int64    // of all its files, in bytes
}

// Installer installs, finds and lists libraries in one cache folder.
type Installer struct {
	Dir      string            // the folder of all libraries
	Progress func(line string) // may be nil; gets the package client's output, its standard error only if no client succeeds

	goos, goarch string
	releases     []release
	probe        func(path string) (*ortapi.Library, error) // nil: the library does not run here
	convert      func(module []byte, version string) ([]byte, error)
}

// NewInstaller works on $PMX_CACHE/runtimes, else on pmx/runtimes in the
// user's cache folder.
func NewInstaller() (*Installer, error) {
	root := os.Getenv("PMX_CACHE")
	if root == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("runtimelib: no cache folder: %w: set PMX_CACHE to a folder that you may write to", err)
		}
		root = filepath.Join(cache, "pmx")
	}
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("runtimelib: cache folder: %w", err)
	}
	return &Installer{
		Dir:  filepath.Join(root, "runtimes"),
		goos: runtime.GOOS, goarch: runtime.GOARCH, releases: pins, probe: ortapi.Load, convert: convert,
	}, nil
}

// For makes it an installer for another platform, such as linux/arm64, of libraries
// that do not run here: they have the pinned digests, but are not loaded to try them.
func (in *Installer) For(platform string) error {
	goos, goarch, ok := strings.Cut(platform, "/")
	if !ok {
		return fmt.Errorf("runtimelib: %q is no platform: want one such as linux/arm64", platform)
	}
	in.goos, in.goarch = goos, goarch
	if goos != runtime.GOOS || goarch != runtime.GOARCH {
		in.probe = nil
	}
	return nil
}

func convert(module []byte, version string) ([]byte, error) {
	r, err := wheellib.Convert(module, version)
	if err != nil {
		return nil, err
	}
	return r.Library, nil
}

// Install puts a library of the given kind into the cache, unless a good one
// is there. It may be called by several processes at once; a library appears
// whole or not at all.
func (in *Installer) Install(ctx context.Context, kind Kind) (Library, error) {
	rel, err := in.release(kind)
	if err != nil {
		return Library{}, err
	}
	lib, err := in.install(ctx, rel)
	if err != nil {
		return Library{}, fmt.Errorf("runtimelib: %v %s: %w", kind, rel.version, err)
	}
	return lib, nil
}

func (in *Installer) install(ctx context.Context, rel release) (Library, error) {
	if lib, err := in.verified(rel); err == nil {
		return lib, nil
	}
	if err := os.MkdirAll(in.Dir, 0o777); err != nil {
		return Library{}, fmt.Errorf("%w: set PMX_CACHE to a folder that you may write to", err)
	}
	lock, err := filelock.Wait(ctx, filepath.Join(in.Dir, "."+rel.name()+".lock"), func(reason error) {
		in.progress(fmt.Sprintf("waiting for another installation: %v", reason))
	})
	if err != nil {
		return Library{}, err
	}
	defer lock.Release()
	if lib, err := in.verified(rel); err == nil { // another process was faster
		return lib, nil
	}
	if err := in.removeLeftovers(rel); err != nil {
		return Library{}, err
	}
	return in.fetch(ctx, rel)
}

// fetch tries the release's sources in turn.
func (in *Installer) fetch(ctx context.Context, rel release) (Library, error) {
	var failures, said []string
	absent, delivered := 0, false
	for _, s := range rel.sources {
		err := in.fetchFrom(ctx, rel, s)
		if err == nil {
			return in.verified(rel)
		}
		// Whatever else a client could bring, a wrong file is nothing to pass over.
		if ctx.Err() != nil || errors.Is(err, errDigest) {
			return Library{}, fmt.Errorf("%s: %w", s.describe(rel.version), err)
		}
		if errors.Is(err, errNoClient) {
			absent++
		}
		if _, ok := errors.AsType[*downloadError](err); !ok {
			delivered = true
		}
		if failed, ok := errors.AsType[*clientError](err); ok {
			said = append(said, failed.said...)
		}
		failures = append(failures, err.Error())
	}
	for _, line := range said {
		in.progress(line)
	}
	reasons := strings.Join(failures, "; ")
	switch {
	case delivered:
		return Library{}, fmt.Errorf("no package brought a library that works (%s): name another by --ort-lib or %s", reasons, rel.kind.EnvVar())
	case absent == len(rel.sources):
		return Library{}, &downloadError{missingClients(rel)}
	}
	return Library{}, &downloadError{fmt.Errorf("no package client could download it (%s): check the network and that pip is version 20.3 or newer, then repeat %s",
		reasons, rel.kind.InstallCommand())}
}

// downloadError: a package did not come. What came and is not right is another error.
type downloadError struct{ err error }

func (e *downloadError) Error() string { return e.err.Error() }
func (e *downloadError) Unwrap() error { return e.err }

// fetchFrom downloads, checks and extracts into a folder beside the final one,
// renames it and, having tried the library, writes its record.
func (in *Installer) fetchFrom(ctx context.Context, rel release, s source) error {
	tmp, err := os.MkdirTemp(in.Dir, tempPrefix(rel))
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	download, content := filepath.Join(tmp, "download"), filepath.Join(tmp, "content")
	for _, dir := range []string{download, content} {
		if err := os.Mkdir(dir, 0o777); err != nil {
			return err
		}
	}
	archive, err := s.download(ctx, rel.version, download, in.progress)
	if err != nil {
		return &downloadError{err}
	}
	got, _, err := digest(archive)
	if err != nil {
		return err
	}
	if err := checkDigest(got, s.sha256); err != nil {
		return fmt.Errorf("%s: %w: it was refused and deleted", filepath.Base(archive), err)
	}
	in.progress("extracting " + filepath.Base(archive))
	if err := extract(archive, s.members, content); err != nil {
		return err
	}
	for _, m := range s.members {
		if m.converted == "" {
			continue
		}
		in.progress("converting " + filepath.Base(m.from) + " to " + m.to)
		if err := in.convertFile(filepath.Join(content, m.to), rel.version, m.converted); err != nil {
			return fmt.Errorf("%s: %w", m.from, err)
		}
	}
	if err := context.Cause(ctx); err != nil { // all of it is there only now
		return err
	}
	final := filepath.Join(in.Dir, rel.name())
	if err := replaceDir(content, final, filepath.Join(tmp, "old")); err != nil {
		return err
	}
	// The library is loaded where it stays: a process cannot load the same file
	// again from another place, and ORT looks for its providers beside itself.
	// Until its record is written nobody else sees the folder.
	rec, err := in.describe(rel, s, final)
	if err == nil {
		err = rec.write(final)
	}
	if err != nil {
		os.RemoveAll(final)
	}
	return err
}

// convertFile replaces an extension module by the C library in it.
func (in *Installer) convertFile(path, version, sha256 string) error {
	module, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	library, err := in.convert(module, version)
	if err != nil {
		return err
	}
	if err := atomicfile.WriteBytes(path, library); err != nil {
		return err
	}
	got, _, err := digest(path)
	if err != nil {
		return err
	}
	return checkDigest(got, sha256)
}

// describe loads the extracted library, which must say that it is what was
// asked for, and makes its record.
func (in *Installer) describe(rel release, s source, dir string) (record, error) {
	rec := record{
		Format: recordFormat, Kind: rel.kind, Version: rel.version, Platform: rel.os + "/" + rel.arch,
		Source: s.describe(rel.version), Licence: rel.licence, Library: rel.library, Converted: s.conversion(),
	}
	for _, m := range s.members {
		sum, size, err := digest(filepath.Join(dir, m.to))
		if err != nil {
			return rec, err
		}
		rec.Files = append(rec.Files, recordFile{Name: m.to, Size: size, SHA256: sum})
	}
	if in.probe == nil {
		return rec, nil
	}
	library, err := in.probe(filepath.Join(dir, rel.library))
	if err != nil {
		return rec, fmt.Errorf("the library does not load on this machine: %w", err)
	}
	if library.Version != rel.version {
		return rec, fmt.Errorf("the library says that it is version %s", library.Version)
	}
	for _, want := range rel.kind.providers() {
		if !slices.Contains(library.Providers, want) {
			return rec, fmt.Errorf("the library has no %s (it has %s)", want, strings.Join(library.Providers, ", "))
		}
	}
	if rel.kind.trains() && !library.Training {
		return rec, errors.New("the library is built without the training API")
	}
	rec.Providers = library.Providers
	return rec, nil
}

// verified gives the installed library after reading all of it.
func (in *Installer) verified(rel release) (Library, error) {
	dir := filepath.Join(in.Dir, rel.name())
	rec, err := readRecord(dir)
	if err != nil {
		return Library{}, err
	}
	if err := rec.verifyPins(rel); err != nil {
		return Library{}, err
	}
	if err := rec.verify(dir); err != nil {
		return Library{}, err
	}
	return rec.pinned(rel, dir), nil
}

func (in *Installer) release(kind Kind) (release, error) {
	var others []string
	for _, rel := range in.releases {
		if rel.kind != kind {
			continue
		}
		if rel.os == in.goos && rel.arch == in.goarch {
			return rel, nil
		}
		others = append(others, rel.os+"/"+rel.arch)
	}
	return release{}, fmt.Errorf("runtimelib: %v is published for %s, not for %s/%s: build it yourself and name it by --ort-lib or %s",
		kind, strings.Join(others, ", "), in.goos, in.goarch, kind.EnvVar())
}

// removeLeftovers deletes what killed installations of rel left.
func (in *Installer) removeLeftovers(rel release) error {
	entries, err := os.ReadDir(in.Dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), tempPrefix(rel)) {
			if err := os.RemoveAll(filepath.Join(in.Dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

func (in *Installer) progress(line string) {
	if in.Progress != nil {
		in.Progress(line)
	}
}

func tempPrefix(rel release) string { return "." + rel.name() + ".tmp-" }

// replaceDir renames from to to; what was at to goes to old first.
func replaceDir(from, to, old string) error {
	if err := os.Rename(to, old); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return atomicfile.SyncDir(filepath.Dir(to))
}

// missingClients says which package client to install.
func missingClients(rel release) error {
	remedy := "install pip (the package python3-pip on Debian and Ubuntu)"
	for _, s := range rel.sources {
		if s.client == npm {
			remedy = "install pip (the package python3-pip on Debian and Ubuntu) or npm"
		}
	}
	return fmt.Errorf("%w: %s and repeat %s, or name a library by --ort-lib or %s",
		ErrNoClient, remedy, rel.kind.InstallCommand(), rel.kind.EnvVar())
}

func (s source) describe(version string) string {
	if s.client == npm {
		return "npm " + s.pkg + "@" + version
	}
	return "pip " + s.pkg + "==" + version
}
