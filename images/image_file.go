package images

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// maxFileBytes is the largest image file that is read: more than what can be decoded
// (maxDecodeBytes) takes uncompressed, in the widest pixels of any format.
const maxFileBytes = 1 << 30

// ReadImage decodes an image file into img, as DecodeImage does.
func ReadImage(ctx context.Context, path string, img *Image) error {
	if err := readImage(ctx, path, img); err != nil {
		return fmt.Errorf("images: %s: %w", path, err)
	}
	return nil
}

// ReadUpright is ReadImage, and then turns the image as it is to be shown: by its
// Orientation.
func ReadUpright(ctx context.Context, path string, img *Image) error {
	data, err := readImageFile(path)
	if err == nil {
		err = DecodeImage(ctx, data, img)
	}
	if err != nil {
		return fmt.Errorf("images: %s: %w", path, err)
	}
	img.Turn(Orientation(data))
	return nil
}

// readImage is ReadImage with an error that leaves the path to be told.
func readImage(ctx context.Context, path string, img *Image) error {
	data, err := readImageFile(path)
	if err != nil {
		return err
	}
	return DecodeImage(ctx, data, img)
}

// readImageFile reads a whole file, or if it is no image its beginning. An error leaves
// the path to be told.
func readImageFile(path string) ([]byte, error) {
	info, err := statFile(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFileBytes {
		return nil, fmt.Errorf("a file of %d bytes, images of at most %d are read", info.Size(), int64(maxFileBytes))
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, withoutPath(err)
	}
	defer f.Close()
	// Of a large file that is no image only the beginning is read.
	var begin [64]byte
	n, err := io.ReadFull(f, begin[:])
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, withoutPath(err)
	}
	if formatOf(begin[:n]) == nil {
		return begin[:n], nil
	}
	data := bytes.NewBuffer(make([]byte, 0, info.Size()+bytes.MinRead))
	data.Write(begin[:n])
	if _, err := data.ReadFrom(io.LimitReader(f, maxFileBytes)); err != nil {
		return nil, withoutPath(err)
	}
	return data.Bytes(), nil
}

// statFile finds a regular file or a link to one. Of anything else, such as a pipe
// or a device, the bytes may never come, or never end. The error leaves the path to
// be told.
func statFile(path string) (os.FileInfo, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, withoutPath(err)
	}
	return info, regular(info.Mode())
}

// regular is an error for what is no regular file.
func regular(mode fs.FileMode) error {
	kind := "a device"
	switch {
	case mode.IsRegular():
		return nil
	case mode.IsDir():
		kind = "a folder"
	case mode&fs.ModeNamedPipe != 0:
		kind = "a named pipe"
	case mode&fs.ModeSocket != 0:
		kind = "a socket"
	}
	return fmt.Errorf("%s, not a file", kind)
}

func withoutPath(err error) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return pathErr.Err
	}
	return err
}
