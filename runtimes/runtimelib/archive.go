package runtimelib

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// errDigest: a file is not the one that this program was built with.
var errDigest = errors.New("wrong SHA-256")

// extract copies members of the wheel or npm archive at path, whose digest was
// checked before, into dir, and writes the texts that it lacks.
func extract(path string, members []member, dir string) error {
	wanted := make(map[string]member, len(members))
	for _, m := range members {
		if m.text == "" {
			wanted[m.from] = m
		} else if err := m.extract(strings.NewReader(m.text), dir); err != nil {
			return fmt.Errorf("%s: %w", m.to, err)
		}
	}
	take := func(name string, r io.Reader) error {
		m, ok := wanted[name]
		if !ok {
			return nil
		}
		delete(wanted, name)
		if err := m.extract(r, dir); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	}
	var err error
	if strings.HasSuffix(path, ".whl") {
		err = eachZipFile(path, take)
	} else {
		err = eachTarFile(path, take)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	for name := range wanted {
		return fmt.Errorf("%s has no %s", filepath.Base(path), name)
	}
	return nil
}

// extract writes the member, which r gives, into dir.
func (m member) extract(r io.Reader, dir string) error {
	f, err := os.OpenFile(filepath.Join(dir, m.to), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	h := sha256.New()
	_, err = io.Copy(io.MultiWriter(f, h), r)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if m.sha256 == "" {
		return nil
	}
	return checkDigest(hex.EncodeToString(h.Sum(nil)), m.sha256)
}

func eachZipFile(path string, visit func(name string, r io.Reader) error) error {
	z, err := zip.OpenReader(path)
	if err != nil {
		return err
	}
	defer z.Close()
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			return err
		}
		err = visit(f.Name, r)
		r.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func eachTarFile(path string, visit func(name string, r io.Reader) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	t := tar.NewReader(z)
	for {
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		if err := visit(h.Name, t); err != nil {
			return err
		}
	}
}

// digest is a file's SHA-256 in hexadecimal, and its size.
func digest(path string) (string, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), n, err
}

func checkDigest(got, want string) error {
	if got != want {
		return fmt.Errorf("%w: %s, expected %s", errDigest, got, want)
	}
	return nil
}
