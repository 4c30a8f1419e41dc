package tasks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"pmx/images"
	"pmx/internal/atomicfile"
	"pmx/internal/progress"
	"pmx/training"
)

// skippedImages collects the images that are skipped, from all goroutines that read some.
type skippedImages struct {
	mu  sync.Mutex
	new []images.Skipped // since take
}

func (s *skippedImages) add(image images.Skipped) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.new = append(s.new, image)
}

func (s *skippedImages) take() []images.Skipped {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.new
	s.new = nil
	return taken
}

// mostTold is how many skipped images are listed at the end; the file has all.
const mostTold = 20

// skippedHook tells of skipped images, and keeps a file of those that any session of the
// run has skipped: a path, a tab and the reason in each line.
type skippedHook struct {
	training.NoHook
	found *skippedImages
	log   io.Writer
	path  string

	lines   []string // of the file
	session []string // of this session
}

// Start implements training.Hook: it reads what earlier sessions have skipped.
func (h *skippedHook) Start(context.Context, *training.Loop) error {
	f, err := atomicfile.OpenRegular(h.path, os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	h.lines = slices.DeleteFunc(strings.Split(string(text), "\n"), func(line string) bool { return line == "" })
	return err
}

// Step implements training.Hook.
func (h *skippedHook) Step(context.Context, *training.Loop, *training.StepReport) error {
	return h.write()
}

// End implements training.Hook: it lists what this session has skipped.
func (h *skippedHook) End(context.Context, *training.Loop, error) error {
	err := h.write()
	if n := len(h.session); n > 0 {
		fmt.Fprintf(h.log, "note: images that cannot be read and were skipped, %s (%s):\n", progress.Count(int64(n)), h.path)
		for _, line := range h.session[:min(n, mostTold)] {
			fmt.Fprintln(h.log, " ", strings.Replace(line, "\t", ": ", 1))
		}
		if n > mostTold {
			fmt.Fprintf(h.log, "  and %s more\n", progress.Count(int64(n-mostTold)))
		}
	}
	return err
}

// write puts what is new into the file, in place of an older line about the same image.
func (h *skippedHook) write() error {
	taken := h.found.take()
	if len(taken) == 0 {
		return nil
	}
	for _, s := range taken {
		path := s.Err.Path
		if abs, err := filepath.Abs(path); err == nil { // sessions may start in other folders
			path = abs
		}
		path = plainText(path)
		line := path + "\t" + plainText(s.Err.Err.Error())
		h.lines = slices.DeleteFunc(h.lines, func(old string) bool { return strings.HasPrefix(old, path+"\t") })
		h.lines, h.session = append(h.lines, line), append(h.session, line)
	}
	slices.Sort(h.lines)
	slices.Sort(h.session)
	return atomicfile.WriteRegular(h.path, func(w io.Writer) error {
		_, err := io.WriteString(w, strings.Join(h.lines, "\n")+"\n")
		return err
	})
}

// plainText quotes a text that would break a line of two columns.
func plainText(s string) string {
	if strings.ContainsFunc(s, unicode.IsControl) {
		return strconv.Quote(s)
	}
	return s
}
