package runtimelib

import (
	"fmt"
	"path"
)

// release is one pinned library for one kind of machine.
type release struct {
	kind     Kind
	version  string
	os, arch string // as GOOS and GOARCH
	library  string // the library's name in the installed folder
	licence  string // SPDX
	sources  []source
}

// name is the release's folder in the cache.
func (r release) name() string {
	return fmt.Sprintf("%s-%s-%s-%s", string(r.kind), r.version, r.os, r.arch)
}

// source is a package that the library can be taken from.
type source struct {
	client   client
	pkg      string // the package's name
	platform string // pip: the wheel's platform tag
	python   string // pip: the wheel's Python version
	sha256   string // of the archive
	members  []member
}

// member is a file in an archive, or a text that the archive lacks.
type member struct {
	from, to string
	text     string // "" if it is in the archive
	sha256   string // "" where that of the archive is enough: texts
	// converted is the digest of what package wheellib makes of the file, which
	// is then installed instead of it; "" where the file is a library already.
	converted string
}

// installedSHA256 is the digest of the file in the installed folder, or "".
func (m member) installedSHA256() string {
	if m.converted != "" {
		return m.converted
	}
	return m.sha256
}

// conversion says of an installed file that it is not what the package holds; ""
// where all files are.
func (s source) conversion() string {
	for _, m := range s.members {
		if m.converted != "" {
			return fmt.Sprintf("%s is not a file of its makers: pmx converted it from their %s", m.to, path.Base(m.from))
		}
	}
	return ""
}

// client is a package client.
type client string

const (
	pip client = "pip"
	npm client = "npm"
)
