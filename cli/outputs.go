package cli

import (
	"io"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"pmx/artifacts"
	"pmx/internal/atomicfile"
)

// commandFile is a file of a command line, "" where it is left out.
type commandFile struct {
	name string // what names it: --out
	path string
}

// flagFile is the file that a flag names.
func flagFile(c *cli.Context, flag string) commandFile {
	return commandFile{"--" + flag, c.String(flag)}
}

// checkOutputs refuses to write over what is read, two outputs in one file, and an
// output in the place of a training's checkpoint. A state that nothing was trained of
// can be drawn again.
func checkOutputs(outputs, inputs []commandFile) error {
	for i, out := range outputs {
		for _, other := range append(inputs[:len(inputs):len(inputs)], outputs[:i]...) {
			if sameFile(out.path, other.path) {
				return usageErrorf("%s %s and %s %s are the same file: name another for %s", other.name, other.path, out.name, out.path, out.name)
			}
		}
		if step := trainedSteps(out.path); step > 0 {
			return usageErrorf("%s %s is the checkpoint of a run, after step %d, and is not replaced: name another file", out.name, out.path, step)
		}
	}
	return nil
}

// sameFile reports whether two paths lead to one regular file, which need not exist yet.
func sameFile(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	if errA == nil && errB == nil {
		return infoA.Mode().IsRegular() && os.SameFile(infoA, infoB)
	}
	if errA == nil || errB == nil {
		return false
	}
	a, errA = atomicfile.Target(a)
	b, errB = atomicfile.Target(b)
	return errA == nil && errB == nil && filepath.Base(a) == filepath.Base(b) && sameFolder(filepath.Dir(a), filepath.Dir(b))
}

// sameFolder reports whether two paths lead to one folder.
func sameFolder(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// isRegular reports whether there is a regular file at path.
func isRegular(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// trainedSteps is the number of steps of the checkpoint at path, 0 where there is none.
func trainedSteps(path string) int64 {
	if !isRegular(path) { // to open a pipe is to wait
		return 0
	}
	c, err := artifacts.OpenCheckpoint(path)
	if err != nil {
		return 0
	}
	defer c.Close()
	return c.Step
}

// said is where a command says what it has written: standard output, unless that is
// one of the outputs itself.
func said(c *cli.Context, outputs ...string) io.Writer {
	own, err := os.Stdout.Stat()
	for _, path := range outputs {
		if info, statErr := os.Stat(path); err == nil && statErr == nil && os.SameFile(info, own) {
			return c.App.ErrWriter
		}
	}
	return c.App.Writer
}
