package images

import (
	"fmt"
	"io"
	"os"
)

// headBytes of a file say its size, of most kinds and cameras.
const headBytes = 16 << 10

// UprightSize is the size of the picture that ReadUpright would give, without decoding
// it. A file that is not an image, or that is too large to be decoded, is an error.
func UprightSize(path string) (w, h int, err error) {
	if w, h, err = uprightSize(path); err != nil {
		return 0, 0, fmt.Errorf("images: %s: %w", path, err)
	}
	return w, h, nil
}

func uprightSize(path string) (w, h int, err error) {
	if _, err := statFile(path); err != nil {
		return 0, 0, err
	}
	file, err := os.Open(path)
	if err != nil {
		return 0, 0, withoutPath(err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, headBytes))
	if err != nil {
		return 0, 0, withoutPath(err)
	}
	head, err := headerOf(data)
	if err != nil && len(data) == headBytes {
		if data, err = readImageFile(path); err == nil {
			head, err = headerOf(data)
		}
	}
	if err != nil {
		return 0, 0, err
	}
	if err := head.check(); err != nil {
		return 0, 0, err
	}
	if Orientation(data) >= 5 {
		return head.h, head.w, nil
	}
	return head.w, head.h, nil
}
