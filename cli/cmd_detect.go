package cli

import (
	"io"
	"os"

	"github.com/urfave/cli/v2"
)

var _ = register("detect", func() *cli.Command {
	return &cli.Command{Usage: "score COCO detections, draw them, generate a dataset"}
})

// readShown opens a file and reads it, showing how far it has come. Ctrl-C ends
// the reading.
func readShown(c *cli.Context, path string, read func(io.Reader) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	shown := &shownReader{c: c, r: f, progress: newProgress(c.App.ErrWriter, "reading "+path, info.Size())}
	defer shown.progress.done()
	return read(shown)
}

// shownReader counts bytes for a progress line.
type shownReader struct {
	c        *cli.Context
	r        io.Reader
	read     int64
	progress *progressLine
}

func (s *shownReader) Read(p []byte) (int, error) {
	if err := s.c.Context.Err(); err != nil {
		return 0, err
	}
	n, err := s.r.Read(p)
	s.read += int64(n)
	s.progress.update(s.read)
	return n, err
}
