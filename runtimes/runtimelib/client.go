package runtimelib

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"pmx/internal/child"
)

// errNoClient: the package client is not on this machine.
var errNoClient = errors.New("not found")

// ErrNoClient is in Install's error when none of the package clients that could
// bring a library is on this machine.
var ErrNoClient = errors.New("no package client is on the PATH")

// clientCommands are the ways to call each client, the first that works counts.
var clientCommands = map[client][][]string{
	pip: {{"pip"}, {"pip3"}, {"python3", "-m", "pip"}, {"python", "-m", "pip"}},
	npm: {{"npm"}},
}

// command finds out how to call the client here.
func (c client) command(ctx context.Context) ([]string, error) {
	for _, argv := range clientCommands[c] {
		if _, err := exec.LookPath(argv[0]); err != nil {
			continue
		}
		// A launcher may be there without what it launches (python3 without pip).
		if child.Command(ctx, argv[0], append(slices.Clone(argv[1:]), "--version")...).Run() == nil {
			return argv, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return nil, fmt.Errorf("%s: %w", c, errNoClient)
}

// clientError: a package client failed.
type clientError struct {
	err  error
	said []string // on its standard error, line by line
}

func (e *clientError) Error() string { return e.err.Error() }
func (e *clientError) Unwrap() error { return e.err }

// download fetches the source's archive into the empty folder dir and returns
// its path. The client's standard output goes to progress line by line; what it says
// on standard error is for a *clientError only: notices about itself, for the most part.
func (s source) download(ctx context.Context, version, dir string, progress func(string)) (string, error) {
	argv, err := s.client.command(ctx)
	if err != nil {
		return "", err
	}
	var pattern string
	switch s.client {
	case pip:
		argv = append(slices.Clone(argv), "download", "--no-deps", "--only-binary=:all:", "--no-input", "--disable-pip-version-check",
			"--platform", s.platform, "--python-version", s.python, "--implementation", "cp", "--dest", dir, s.pkg+"=="+version)
		pattern = "*.whl"
	case npm:
		argv = append(slices.Clone(argv), "pack", "--loglevel=warn", "--no-update-notifier", s.pkg+"@"+version)
		pattern = "*.tgz"
	}
	progress(strings.Join(argv, " "))
	if err := run(ctx, argv, dir, progress); err != nil {
		return "", err
	}
	files, err := fs.Glob(os.DirFS(dir), pattern)
	if err != nil {
		return "", err
	}
	if len(files) != 1 {
		return "", fmt.Errorf("%s left %d files %s, not one", argv[0], len(files), pattern)
	}
	return filepath.Join(dir, files[0]), nil
}

// run runs argv in dir. Its error, a *clientError unless ctx ended, ends with the last
// thing that the program said on its standard error.
func run(ctx context.Context, argv []string, dir string, progress func(string)) error {
	cmd := child.Command(ctx, argv[0], argv[1:]...)
	cmd.Dir = dir
	var said []string
	stdout := &lineWriter{emit: progress}
	stderr := &lineWriter{emit: func(line string) { said = append(said, line) }}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	err := cmd.Run()
	stdout.flush()
	stderr.flush()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%s: %w", argv[0], err)
	if len(said) > 0 {
		err = fmt.Errorf("%w: %s", err, said[len(said)-1])
	}
	return &clientError{err, said}
}

// lineWriter cuts what is written to it into lines without empty ones. A
// carriage return, with which progress bars start again, ends a line too.
type lineWriter struct {
	emit    func(line string)
	pending []byte
}

func (w *lineWriter) Write(p []byte) (int, error) {
	w.pending = append(w.pending, p...)
	for {
		i := bytes.IndexAny(w.pending, "\r\n")
		if i < 0 {
			return len(p), nil
		}
		w.line(w.pending[:i])
		w.pending = w.pending[i+1:]
	}
}

func (w *lineWriter) flush() {
	w.line(w.pending)
	w.pending = nil
}

func (w *lineWriter) line(b []byte) {
	if b = bytes.TrimSpace(b); len(b) > 0 {
		w.emit(string(b))
	}
}
