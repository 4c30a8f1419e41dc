package atomicfile

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// fullDiskDir names, for the child process, the folder to mount a tiny disk on.
const fullDiskDir = "PMX_TEST_FULL_DISK_DIR"

// TestFullDisk fills a real file system of 64 KiB. It lives in a child with a
// mount namespace of its own, so nothing is left mounted whatever happens.
// TestFailureKeepsOldFile covers the same path where mounting is forbidden.
func TestFullDisk(t *testing.T) {
	if dir := os.Getenv(fullDiskDir); dir != "" {
		fillDisk(t, dir)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestFullDisk$", "-test.v")
	cmd.Env = append(os.Environ(), fullDiskDir+"="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Getuid() != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWNS | syscall.CLONE_NEWUSER,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		}
	}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) || strings.Contains(string(out), mountRefused) {
		t.Skipf("this machine lets us mount nothing (%v); the injected ENOSPC of TestFailureKeepsOldFile stands in for it", err)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

const mountRefused = "mount refused"

func fillDisk(t *testing.T, dir string) {
	// Keep the mount out of the parent's view where / is a shared mount.
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		t.Fatalf("%s: %v", mountRefused, err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Fatalf("%s: %v", mountRefused, err)
	}
	path := filepath.Join(dir, "x")
	if err := WriteBytes(path, []byte("old content")); err != nil {
		t.Fatal(err)
	}
	err := WriteBytes(path, make([]byte, 1<<20))
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "free some space") {
		t.Fatalf("got %v", err)
	}
	assertContent(t, path, "old content")
	assertOnly(t, dir, "x")
}
