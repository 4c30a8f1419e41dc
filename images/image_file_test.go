package images

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestOnlyFilesAreImages: a pipe, whose bytes never come, and a device, whose bytes
// never end, are refused by name wherever images are identified or read, and left
// out of folders.
func TestOnlyFilesAreImages(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct {
		make func(path string) error
		kind string
	}{
		"pipe.png": {func(path string) error { return syscall.Mkfifo(path, 0o600) }, "a named pipe, not a file"},
		"zero.png": {func(path string) error { return os.Symlink("/dev/zero", path) }, "a device, not a file"},
	} {
		folder := filepath.Join(dir, name+".d")
		writeFile(t, encodePNG(t, plain(2, 2, 0, 0, 0)), folder, "good.png")
		bad := filepath.Join(folder, name)
		if err := c.make(bad); err != nil {
			t.Skip(err)
		}
		check := func(what string, err error) {
			t.Helper()
			if named, ok := errors.AsType[*ImageError](err); !ok || named.Path != bad || !strings.Contains(err.Error(), c.kind) {
				t.Errorf("%s: %s: %v, want %q", name, what, err, c.kind)
			}
		}
		inFolder := open(t, "folder:"+folder, Train)
		if want := "an entry is left out: " + bad + " is " + c.kind; inFolder.Len() != 1 || !strings.HasSuffix(strings.Join(Notes(inFolder), "|"), want) {
			t.Errorf("%s: %d images, notes %q, want %q", name, inFolder.Len(), Notes(inFolder), want)
		}

		list := filepath.Join(dir, name+".txt")
		writeFile(t, fmt.Appendf(nil, "\n%s\n", bad), list)
		d := open(t, "list:"+list, Train)
		_, err := d.Digest()
		check("digest", err)
		_, err = d.Sample(t.Context(), 0, new(Image))
		check("sample", err)
		if want := bad + " (line 2 of " + list + "): "; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		if err := ReadImage(t.Context(), bad, new(Image)); err == nil || !strings.Contains(err.Error(), c.kind) {
			t.Errorf("ReadImage: %v", err)
		}
		for _, file := range []string{"data_batch_1.bin", "train-images-idx3-ubyte"} {
			packed := filepath.Join(folder, "packed-"+file)
			if err := errors.Join(os.Mkdir(packed, 0o777), c.make(filepath.Join(packed, file))); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(packed, Train); err == nil || !strings.Contains(err.Error(), file+": "+c.kind) {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
	// A file is only looked at if it can be an image by its size.
	huge := filepath.Join(dir, "huge.png")
	writeFile(t, nil, huge)
	if err := os.Truncate(huge, 1<<40); err != nil {
		t.Skip(err)
	}
	if err := ReadImage(t.Context(), huge, new(Image)); err == nil || !strings.Contains(err.Error(), "a file of 1099511627776 bytes") {
		t.Errorf("a file of a terabyte: %v", err)
	}
}

// TestPromisedSizes: a header may promise any size in a few bytes, and memory is
// asked for only up to a limit.
func TestPromisedSizes(t *testing.T) {
	header := binary.BigEndian.AppendUint32(nil, 1<<17)
	header = append(binary.BigEndian.AppendUint32(header, 1<<17), 8, 2, 0, 0, 0)
	chunk := append([]byte("IHDR"), header...)
	picture := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), chunk...)
	picture = binary.BigEndian.AppendUint32(picture, crc32.ChecksumIEEE(chunk))

	bmp := make([]byte, 54+100)
	copy(bmp, "BM")
	for at, v := range map[int]uint32{10: 54, 14: 40, 18: 1 << 30, 22: 1 << 30, 26: 24<<16 | 1} {
		binary.LittleEndian.PutUint32(bmp[at:], v)
	}
	for name, c := range map[string]struct{ data, size string }{
		"png":  {string(picture), "131072x131072"},
		"bmp":  {string(bmp), "1073741824x1073741824"},
		"gif":  {"GIF89a\xff\xff\xff\xff\x00\x00\x00,\x00\x00\x00\x00\xff\xff\xff\xff\x00\x08\x00;", "65535x65535"},
		"jpeg": {"\xff\xd8\xff\xc0\x00\x11\x08\xff\xff\xff\xff\x03\x01\x11\x00\x02\x11\x00\x03\x11\x00\xff\xda\x00\x0c", "65535x65535"},
		"webp": {"RIFF\x16\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00\xff\x7f\x00\xff\x7f\x00", "32768x32768"},
		"vp8l": {"RIFF\x12\x00\x00\x00WEBPVP8L\x05\x00\x00\x00\x2f\xff\xff\xff\x0f\x00", "16384x16384"},
	} {
		file := filepath.Join(t.TempDir(), "huge."+name)
		writeFile(t, []byte(c.data), file)
		if err := ReadImage(t.Context(), file, new(Image)); err == nil || !strings.Contains(err.Error(), "image of "+c.size+" pixels, at most 178956970 altogether") {
			t.Errorf("%s: %v, want a refusal of %s pixels", name, err, c.size)
		}
	}
}
