package images

import (
	"bytes"
	"encoding/binary"
	"regexp"
)

// Orientation is how the picture of an image file is to be turned for display, as a
// camera notes it in EXIF: from 1, as it is, to 8. It is 1 where the file says nothing.
//
// It is what Pillow's getexif finds in JPEG, PNG and WebP: the tag of the EXIF data, or
// if that has none tiff:Orientation of a JPEG's XMP. A TIFF that is to be turned is not
// decoded.
func Orientation(data []byte) int {
	var exif, xmp []byte
	switch formatOf(data) {
	case jpegFormat:
		exif, xmp = jpegExif(data)
	case pngFormat:
		exif = pngExif(data)
	case webpFormat:
		exif = webpExif(data)
	}
	o := int(tiffTags(bytes.TrimPrefix(exif, exifHead))[tiffOrientation])
	if o == 0 {
		if found := xmpOrientation.FindSubmatch(xmp); found != nil {
			o = int(found[1][0] - '0')
		}
	}
	if o < 1 || o > 8 {
		return 1
	}
	return o
}

var (
	exifHead       = []byte("Exif\x00\x00")
	xmpHead        = []byte("http://ns.adobe.com/xap/1.0/\x00")
	xmpOrientation = regexp.MustCompile(`tiff:Orientation(?:="|>)([0-9])`)
)

// jpegExif finds the two kinds of APP1 segments before the scan.
func jpegExif(data []byte) (exif, xmp []byte) {
	const marker, app1, startOfScan = 0xff, 0xe1, 0xda
	for at := 2; at+4 <= len(data); {
		if data[at] != marker {
			at++ // padding
			continue
		}
		kind := data[at+1]
		if kind == marker || kind == 0 || kind >= 0xd0 && kind <= 0xd8 { // of no length
			at++
			continue
		}
		if kind == startOfScan {
			break
		}
		n := int(binary.BigEndian.Uint16(data[at+2:]))
		if n < 2 || at+2+n > len(data) {
			break
		}
		segment := data[at+4 : at+2+n]
		if kind == app1 && exif == nil && bytes.HasPrefix(segment, exifHead) {
			exif = segment
		}
		if kind == app1 && bytes.HasPrefix(segment, xmpHead) {
			xmp = segment
		}
		at += 2 + n
	}
	return exif, xmp
}

// pngExif finds the eXIf chunk: length, name, data, checksum.
func pngExif(data []byte) []byte {
	for at := 8; at+12 <= len(data); {
		n := int(binary.BigEndian.Uint32(data[at:]))
		if n > len(data)-at-12 {
			return nil
		}
		if string(data[at+4:at+8]) == "eXIf" {
			return data[at+8 : at+8+n]
		}
		at += 12 + n
	}
	return nil
}

// webpExif finds the EXIF chunk: name, length, data, padded to an even length.
func webpExif(data []byte) []byte {
	for at := 12; at+8 <= len(data); {
		n := int(binary.LittleEndian.Uint32(data[at+4:]))
		if n > len(data)-at-8 {
			return nil
		}
		if string(data[at:at+4]) == "EXIF" {
			return data[at+8 : at+8+n]
		}
		at += 8 + n + n%2
	}
	return nil
}

// Turn turns the image by an orientation as Orientation gives it.
func (m *Image) Turn(orientation int) {
	if orientation < 2 || orientation > 8 {
		return
	}
	w, h := m.W, m.H
	if orientation >= 5 {
		w, h = h, w
	}
	// Of the turned image, pixel (x, y) is pixel first + x*right + y*down of this one.
	var first, right, down int
	row, last := m.W, m.W*(m.H-1)
	switch orientation {
	case 2: // mirrored
		first, right, down = m.W-1, -1, row
	case 3: // upside down
		first, right, down = last+m.W-1, -1, -row
	case 4: // mirrored upside down
		first, right, down = last, 1, -row
	case 5: // transposed
		first, right, down = 0, row, 1
	case 6: // a quarter turn clockwise sets it right
		first, right, down = last, -row, 1
	case 7: // transposed along the other diagonal
		first, right, down = last+m.W-1, -row, -1
	case 8: // a quarter turn anticlockwise sets it right
		first, right, down = m.W-1, row, -1
	}
	turned := make([]uint8, len(m.Pix))
	for y := range h {
		from, out := first+y*down, turned[3*y*w:][:3*w]
		for x := 0; x < len(out); x += 3 {
			copy(out[x:x+3], m.Pix[3*from:])
			from += right
		}
	}
	m.W, m.H, m.Pix = w, h, turned
}
