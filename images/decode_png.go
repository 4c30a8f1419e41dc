package images

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"context"
	"encoding/binary"
	"hash/crc32"
	"image/color"
	"image/png"
	"io"
)

var pngFormat = &fileFormat{name: "png", magic: []string{"\x89PNG\r\n\x1a\n"}, head: pngHeader, decode: decodePNG}

// Where the fields of the first chunk, IHDR, lie in a file.
// https://www.w3.org/TR/png-3/#11IHDR
const (
	pngWidth     = 16
	pngHeight    = 20
	pngDepth     = 24
	pngColour    = 25
	pngInterlace = 28
	pngFirst     = 33 // where the second chunk begins
)

func pngHeader(data []byte) (header, error) {
	config, err := png.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return header{}, err
	}
	h := header{w: config.Width, h: config.Height}.times(bytesPerPixel(config.ColorModel))
	if data[pngInterlace] != 0 {
		h.bytes *= 2 // the passes are pictures of their own
	}
	return h, nil
}

// bytesPerPixel is what the standard library's images of a colour model take.
func bytesPerPixel(m color.Model) int64 {
	switch m {
	case color.GrayModel:
		return 1
	case color.Gray16Model:
		return 2
	case color.RGBA64Model, color.NRGBA64Model:
		return 8
	}
	if _, ok := m.(color.Palette); ok {
		return 1
	}
	return 4
}

func decodePNG(ctx context.Context, data []byte, img *Image) error {
	decoded, err := png.Decode(readerUntil(ctx, data))
	if err != nil && ctx.Err() == nil {
		if mended := mendPNG(data); mended != nil {
			if again, failed := png.Decode(readerUntil(ctx, mended)); failed == nil {
				decoded, err = again, nil
			}
		}
	}
	if err != nil {
		return err
	}
	img.fill(decoded)
	return nil
}

// mendPNG makes a new file of one whose pixels are whole, whatever else is wrong:
// checksums, chunks of no interest, or all that follows the pixels. Pillow reads such
// files, image/png does not. It returns nil if pixels are missing.
func mendPNG(data []byte) []byte {
	if len(data) < pngFirst {
		return nil
	}
	size, ok := pngRawSize(data)
	if !ok || size > maxDecodeBytes/4 {
		return nil
	}
	out := append(make([]byte, 0, size+size/1000+1<<16), data[:pngWidth-8]...)
	out = appendChunk(out, "IHDR", data[pngWidth:pngFirst-4])
	var packed []io.Reader
	for rest := data[pngFirst:]; len(rest) >= 8; {
		n, kind := int(binary.BigEndian.Uint32(rest)), string(rest[4:8])
		body := rest[8:]
		if n > len(body) {
			n = len(body) // the file ends in it
		}
		switch {
		case kind == "IDAT":
			packed = append(packed, bytes.NewReader(body[:n]))
		case (kind == "PLTE" || kind == "tRNS") && len(packed) == 0:
			out = appendChunk(out, kind, body[:n])
		}
		rest = body[n:]
		rest = rest[min(4, len(rest)):] // its checksum
	}
	const zlibHeader = 2
	pixels := io.MultiReader(packed...)
	if _, err := io.CopyN(io.Discard, pixels, zlibHeader); err != nil {
		return nil
	}
	var stored bytes.Buffer
	z, err := zlib.NewWriterLevel(&stored, zlib.NoCompression)
	if err != nil {
		return nil
	}
	if _, err := io.CopyN(z, flate.NewReader(pixels), size); err != nil || z.Close() != nil {
		return nil
	}
	return appendChunk(appendChunk(out, "IDAT", stored.Bytes()), "IEND", nil)
}

// appendChunk writes a chunk: length, kind, data, checksum.
func appendChunk(out []byte, kind string, data []byte) []byte {
	out = binary.BigEndian.AppendUint32(out, uint32(len(data)))
	begin := len(out)
	out = append(append(out, kind...), data...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[begin:]))
}

// pngRawSize is how many bytes the pixels have before they are packed: in every row
// one that says how it is filtered, and whole bytes of pixels.
func pngRawSize(data []byte) (n int64, ok bool) {
	samples, ok := map[byte]int64{0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[data[pngColour]]
	bits := samples * int64(data[pngDepth])
	w, h := int64(binary.BigEndian.Uint32(data[pngWidth:])), int64(binary.BigEndian.Uint32(data[pngHeight:]))
	rows := func(w, h int64) int64 {
		if w == 0 {
			return 0
		}
		return h * (1 + (w*bits+7)/8)
	}
	if data[pngInterlace] == 0 {
		return rows(w, h), ok
	}
	for _, pass := range [7][4]int64{{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}} {
		x, y, dx, dy := pass[0], pass[1], pass[2], pass[3]
		n += rows((w-x+dx-1)/dx, (h-y+dy-1)/dy)
	}
	return n, ok
}
