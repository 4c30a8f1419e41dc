package torchfile_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"pmx/artifacts/torchfile"
)

// FuzzReader reads arbitrary bytes: no panic. Its seeds are small files of both
// containers; the recorded ones are added where they are at hand.
func FuzzReader(f *testing.F) {
	var written bytes.Buffer
	object, _ := everything()
	if err := torchfile.Write(&written, object); err != nil {
		f.Fatal(err)
	}
	f.Add(written.Bytes())
	f.Add([]byte("\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}X\x0d\x00\x00\x00little_endian\x88s.\x80\x02}.\x80\x02]."))
	for _, pattern := range []string{"hostile/*.pth", "elements_protocol4.pth"} {
		paths, err := filepath.Glob(filepath.Join(fixtures, pattern))
		if err != nil {
			f.Fatal(err)
		}
		for _, path := range paths {
			data, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Fuzz(func(_ *testing.T, data []byte) { _ = readAll(data) })
}
