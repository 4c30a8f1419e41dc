package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// tempMark is in the name of every temporary file, so that one left by a
// killed process can be recognised: .NAME.pmx-tmp-RANDOM, a file or a folder.
const tempMark = ".pmx-tmp-"

// inUse is the file in a temporary folder that is locked while the folder is in use.
// A temporary file is locked itself; a lock of a folder is not seen by other machines
// that share its file system.
const inUse = ".in-use"

// IsTemp reports whether a file or folder of this base name is an unfinished write.
func IsTemp(name string) bool {
	return strings.HasPrefix(name, ".") && strings.Contains(name, tempMark)
}

// RemoveTemps deletes what killed processes left of their writes in dir. What living
// processes write there stays.
func RemoveTemps(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if (e.Type().IsRegular() || e.IsDir()) && IsTemp(e.Name()) {
			if err := removeTemp(filepath.Join(dir, e.Name()), e.IsDir()); err != nil {
				return err
			}
		}
	}
	return nil
}

// removeTemp deletes a file or folder unless it is in use, or there is no telling.
func removeTemp(path string, folder bool) error {
	marker := path
	if folder {
		marker = filepath.Join(path, inUse)
	}
	lock, err := hold(marker, 0)
	if folder && errors.Is(err, fs.ErrNotExist) {
		_ = os.Remove(path) // it is empty, unless its maker has just marked it
	}
	if err != nil {
		return nil
	}
	defer lock.Close()
	if !folder {
		return os.Remove(path)
	}
	// The marker goes last, so that a removal that is interrupted can be repeated.
	entries, err := os.ReadDir(path)
	for _, e := range entries {
		if e.Name() != inUse {
			err = errors.Join(err, os.RemoveAll(filepath.Join(path, e.Name())))
		}
	}
	if err != nil {
		return err
	}
	return os.RemoveAll(path)
}

// temp is a temporary file that this process uses.
type temp struct {
	*os.File
	lock *os.File // nil where files cannot be locked
}

// release lets others remove the file, should it still be there.
func (t temp) release() {
	if t.lock != nil {
		t.lock.Close()
	}
}

// mostTries is how often a temporary file is made again that seems to be removed by
// others. A file system may show every file so (Lstat and Fstat of one do not agree on
// some that are mounted from user space): there it goes without a lock.
const mostTries = 10

// createTemp makes a temporary file in the folder of path, with the permissions of an
// ordinary new file; nobody else may read what takes the place of another.
func createTemp(path string) (file, error) {
	perm := fs.FileMode(0o666)
	if _, err := os.Lstat(path); err == nil {
		perm = 0o600
	}
	for tries := 1; ; tries++ {
		name := tempName(path)
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		lock, err := hold(name, 0)
		if taken(err) && tries < mostTries {
			f.Close()
			continue
		}
		return temp{f, lock}, nil
	}
}

// createTempDir makes a temporary folder in dir. Closing lock, unless that is nil, lets
// others remove it.
func createTempDir(dir string) (path string, lock *os.File, err error) {
	for tries := 1; ; tries++ {
		path := tempName(filepath.Join(dir, "stage"))
		err := os.Mkdir(path, 0o700)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return "", nil, err
		}
		if lock, err = hold(filepath.Join(path, inUse), os.O_CREATE); !taken(err) || tries == mostTries {
			return path, lock, nil
		}
	}
}

func tempName(path string) string {
	dir, base := filepath.Split(path)
	return fmt.Sprintf("%s.%s%s%08x", dir, base, tempMark, rand.Uint32())
}

// hold locks a file until the result is closed, or the process ends, however it does.
func hold(path string, create int) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOFOLLOW|syscall.O_NONBLOCK|create, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil && !leadsTo(path, f) { // whoever had the lock has removed it
		err = fs.ErrNotExist
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// taken: hold has found that another process is removing what was just made.
func taken(err error) bool {
	return errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, fs.ErrNotExist)
}

func leadsTo(path string, f *os.File) bool {
	there, err := os.Lstat(path)
	if err != nil {
		return false
	}
	opened, err := f.Stat()
	return err == nil && os.SameFile(there, opened)
}
