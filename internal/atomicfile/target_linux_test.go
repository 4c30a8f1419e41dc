package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestDeviceStays: a device is written to, not replaced by a file. It is a null device
// of the test's own, for which a process needs privilege.
func TestDeviceStays(t *testing.T) {
	null := filepath.Join(t.TempDir(), "null")
	if err := syscall.Mknod(null, syscall.S_IFCHR|0o666, 1<<8|3); errors.Is(err, fs.ErrPermission) {
		t.Skip("devices can be made by root only; TestWritesIntoPipes covers what is no regular file")
	} else if err != nil {
		t.Fatal(err)
	}
	if f, err := os.OpenFile(null, os.O_WRONLY, 0); err != nil {
		t.Skipf("the folder's file system has no devices: %v", err)
	} else {
		f.Close()
	}
	if err := WriteBytes(null, []byte("content")); err != nil {
		t.Error(err)
	}
	info, err := os.Lstat(null)
	if err != nil || info.Mode().Type() != fs.ModeDevice|fs.ModeCharDevice {
		t.Errorf("a null device became %v, %v", info.Mode(), err)
	}
	assertOnly(t, filepath.Dir(null), "null")
}

// TestPassThroughFull: a device that is full says so.
func TestPassThroughFull(t *testing.T) {
	link := filepath.Join(t.TempDir(), "full")
	if err := os.Symlink("/dev/full", link); err != nil {
		t.Fatal(err)
	}
	if err := WriteBytes(link, []byte("x")); !errors.Is(err, syscall.ENOSPC) || strings.Contains(err.Error(), "older file") {
		t.Errorf("got %v", err)
	}
}
