package images

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"strings"

	"golang.org/x/image/tiff"
)

// The tags of a TIFF that are looked at here.
// https://www.adobe.io/content/dam/udp/en/open/standards/tiff/TIFF6.pdf
const (
	tiffCompression  = 259
	tiffPhotometric  = 262
	tiffOrientation  = 274
	tiffSamples      = 277
	tiffRowsPerStrip = 278
	tiffPlanarConfig = 284
	tiffTileWidth    = 322
	tiffTileHeight   = 323
)

var tiffFormat = &fileFormat{name: "tiff", magic: []string{"II*\x00", "MM\x00*"}, head: tiffHeader, decode: decodeTIFF}

// tiffHeader refuses what x/image/tiff passes over in silence: colours in planes, sides
// that are turned, which Pillow turns back, and fax compression with black as zero,
// which comes out inverted.
func tiffHeader(data []byte) (header, error) {
	config, err := tiff.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return header{}, unsupportedTIFF(err)
	}
	tags := tiffTags(data)
	switch {
	case tags[tiffPlanarConfig] == 2 && tags[tiffSamples] > 1:
		return header{}, notRead("a TIFF of separate colour planes: save it with interleaved colours")
	case tags[tiffOrientation] > 1:
		return header{}, notRead("a TIFF that is to be turned for display: save it turned")
	case (tags[tiffCompression] == 3 || tags[tiffCompression] == 4) && tags[tiffPhotometric] == 1:
		return header{}, notRead("a TIFF in fax compression with black as zero: save it in another compression")
	}
	h := header{w: config.Width, h: config.Height}.times(bytesPerPixel(config.ColorModel))
	if compression := tags[tiffCompression]; compression > 1 {
		// A strip or tile is unpacked whole, to up to 8 bytes a pixel, in memory that doubles.
		w, rows := int64(h.w), int64(h.h)
		if n := tags[tiffRowsPerStrip]; n > 0 {
			rows = min(rows, int64(n))
		}
		if tags[tiffTileWidth] > 0 {
			w, rows = int64(tags[tiffTileWidth]), int64(tags[tiffTileHeight])
		}
		const each = 16
		h.bytes += each * min(w, maxDecodeBytes) * min(rows, maxDecodeBytes/max(w, 1))
	}
	return h, nil
}

// decodeTIFF decodes the first picture of a TIFF.
func decodeTIFF(ctx context.Context, data []byte, img *Image) error {
	decoded, err := tiff.Decode(readerUntil(ctx, data))
	if err != nil {
		return unsupportedTIFF(err)
	}
	img.fill(decoded)
	return nil
}

// unsupportedTIFF puts into words what x/image/tiff cannot decode, and leaves other
// errors as they are.
func unsupportedTIFF(err error) error {
	unsupported, ok := errors.AsType[tiff.UnsupportedError](err)
	if !ok {
		return err
	}
	_, feature, _ := strings.Cut(unsupported.Error(), "feature: ")
	return notRead("a TIFF of a kind that is not read (" + feature + "): save it as 8-bit grey or RGB, in LZW or uncompressed")
}

// tiffTags reads the numbers of the first directory, as far as there is one:
// entries of tag, type, count and value.
func tiffTags(data []byte) map[uint16]uint32 {
	var order binary.ByteOrder = binary.LittleEndian
	if bytes.HasPrefix(data, []byte("MM")) {
		order = binary.BigEndian
	}
	tags := map[uint16]uint32{}
	if len(data) < 8 {
		return tags
	}
	at := int(order.Uint32(data[4:]))
	if at+2 > len(data) {
		return tags
	}
	entries := data[at+2:]
	const size, short, long = 12, 3, 4
	for range order.Uint16(data[at:]) {
		if len(entries) < size {
			break
		}
		switch order.Uint16(entries[2:]) {
		case short:
			tags[order.Uint16(entries)] = uint32(order.Uint16(entries[8:]))
		case long:
			tags[order.Uint16(entries)] = order.Uint32(entries[8:])
		}
		entries = entries[size:]
	}
	return tags
}
