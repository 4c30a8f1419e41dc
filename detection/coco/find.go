package coco

import (
	"net/url"
	"regexp"
	"strings"
)

// likeness says how well the file name of an entry fits a picture's path; larger is better,
// first by how, then by the folders that agree. The zero value is of names that do not fit.
type likeness struct {
	how     int
	folders int
}

// How names may fit: they are the same; one of them is escaped as in a URL; one of them has
// what annotation tools put before and behind the names of uploaded pictures.
const (
	uploaded = iota + 1
	escaped
	same
)

// better reports whether l is a better fit than other.
func (l likeness) better(other likeness) bool {
	return l.how > other.how || l.how == other.how && l.folders > other.folders
}

// alike compares the name that a file gives a picture with the path of one. Names from
// Windows have backslashes.
func alike(name, path string) likeness {
	a, b := parts(name), parts(path)
	lastA, lastB := a[len(a)-1], b[len(b)-1]
	var l likeness
	switch unescapedA, unescapedB := unescape(lastA), unescape(lastB); {
	case lastA == lastB:
		l.how = same
	case unescapedA == unescapedB:
		l.how = escaped
	case uploadedName(unescapedA) == uploadedName(unescapedB):
		l.how = uploaded
	default:
		return likeness{}
	}
	for i, j := len(a)-2, len(b)-2; i >= 0 && j >= 0 && unescape(a[i]) == unescape(b[j]); i, j = i-1, j-1 {
		l.folders++
	}
	return l
}

// parts are the folders of a path and its last name.
func parts(path string) []string {
	return strings.Split(strings.ReplaceAll(path, `\`, "/"), "/")
}

// unescape is a name of a URL as a file has it.
func unescape(name string) string {
	if plain, err := url.PathUnescape(name); err == nil {
		return plain
	}
	return name
}

var (
	// Label Studio puts eight digits of a random number before a name.
	uploadPrefix = regexp.MustCompile(`^[0-9a-f]{8}-`)
	// Roboflow puts the ending into the name and a digest behind it: a_jpg.rf.0123….jpg.
	uploadSuffix = regexp.MustCompile(`^(.+)_([A-Za-z0-9]+)\.rf\.[0-9A-Za-z]{16,}\.[A-Za-z0-9]+$`)
)

// uploadedName is a name without what annotation tools add to it. They replace spaces too.
func uploadedName(name string) string {
	name = uploadPrefix.ReplaceAllString(name, "")
	name = uploadSuffix.ReplaceAllString(name, "$1.$2")
	return strings.ReplaceAll(name, " ", "_")
}
