package images

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
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
	tiffPlanarConfig = 284
)

// decodeTIFF decodes the first picture of a TIFF. It refuses what x/image/tiff passes
// over in silence: colours in planes, sides that are turned, which Pillow turns back,
// and fax compression with black as zero, which comes out inverted.
func decodeTIFF(data []byte) (image.Image, error) {
	tags := tiffTags(data)
	switch {
	case tags[tiffPlanarConfig] == 2 && tags[tiffSamples] > 1:
		return nil, notRead("a TIFF of separate colour planes: save it with interleaved colours")
	case tags[tiffOrientation] > 1:
		return nil, notRead("a TIFF that is to be turned for display: save it turned")
	case (tags[tiffCompression] == 3 || tags[tiffCompression] == 4) && tags[tiffPhotometric] == 1:
		return nil, notRead("a TIFF in fax compression with black as zero: save it in another compression")
	}
	return tiff.Decode(bytes.NewReader(data))
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

// tiffTags reads the small numbers of the first directory, as far as there is one:
// entries of tag, type, count and value.
func tiffTags(data []byte) map[uint16]uint16 {
	var order binary.ByteOrder = binary.LittleEndian
	if bytes.HasPrefix(data, []byte("MM")) {
		order = binary.BigEndian
	}
	tags := map[uint16]uint16{}
	if len(data) < 8 {
		return tags
	}
	at := int(order.Uint32(data[4:]))
	if at+2 > len(data) {
		return tags
	}
	entries := data[at+2:]
	const size, short = 12, 3
	for range order.Uint16(data[at:]) {
		if len(entries) < size {
			break
		}
		if order.Uint16(entries[2:]) == short {
			tags[order.Uint16(entries)] = order.Uint16(entries[8:])
		}
		entries = entries[size:]
	}
	return tags
}
