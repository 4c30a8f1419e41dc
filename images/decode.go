package images

import (
	"context"
	"fmt"
	"image"
	"image/color"
)

// maxPixels is the largest image that is decoded, against files that promise
// more than memory holds: the size from which on Pillow, and torchvision's loader
// with it, refuses too. A whole Sentinel-2 tile, 10,980 pixels square, is below it.
const maxPixels = 2 * 89478485

// imageKinds names the formats that DecodeImage knows.
const imageKinds = "JPEG, PNG, GIF, BMP, WebP, TIFF, PNM"

// DecodeImage decodes a JPEG, PNG, GIF, BMP, WebP, TIFF or PNM (PBM, PGM, PPM) file
// into img, reusing its memory; of a GIF or TIFF of several pictures the first. It ends
// early if ctx does.
//
// Grey becomes RGB and transparency is dropped, so that the colour below shows, as in
// Pillow's convert("RGB"). The orientation that a camera notes in EXIF is not applied:
// torchvision's loader does not either, and models are compared on what it gives.
//
// Of 16 bits the upper 8 are taken. Greys of 16 bits often hold fewer, so their range
// decides: up to 255 they are taken as they are, up to 4095 (12 bits) their upper 8 of 12,
// and else their upper 8 of 16. (Pillow cuts all of them off at 255.) A PNM file says
// its range itself.
//
// Damaged files are read where Pillow reads them, or where every pixel is there and only
// what follows is missing.
func DecodeImage(ctx context.Context, data []byte, img *Image) error {
	head, err := headerOf(data)
	if err != nil {
		return err
	}
	if err := head.check(); err != nil {
		return err
	}
	defer img.settle()
	if err := img.reserve(ctx, int64(len(data))+head.total()); err != nil {
		return err
	}
	f := formatOf(data)
	err = f.decode(ctx, data, img)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return unlessNotRead(err, "corrupt "+f.name+" image")
}

// headerOf reads what a file says before it is decoded.
func headerOf(data []byte) (header, error) {
	f := formatOf(data)
	if f == nil {
		return header{}, fmt.Errorf("not an image of a kind that is read (%s)", imageKinds)
	}
	head, err := f.head(data)
	return head, unlessNotRead(err, "not a readable image")
}

// fileFormat is a kind of image file.
type fileFormat struct {
	name string
	// magic are the ways in which a file begins; ? stands for any byte.
	magic []string
	// head reads what there is to know before decoding.
	head func(data []byte) (header, error)
	// decode decodes a file whose header is good.
	decode func(ctx context.Context, data []byte, img *Image) error
}

// fileFormats are told apart by how a file begins.
var fileFormats = []*fileFormat{jpegFormat, pngFormat, gifFormat, bmpFormat, webpFormat, tiffFormat, pnmFormat}

func formatOf(data []byte) *fileFormat {
	for _, f := range fileFormats {
		for _, magic := range f.magic {
			if beginsWith(data, magic) {
				return f
			}
		}
	}
	return nil
}

func beginsWith(data []byte, magic string) bool {
	if len(data) < len(magic) {
		return false
	}
	for i := range len(magic) {
		if magic[i] != '?' && magic[i] != data[i] {
			return false
		}
	}
	return true
}

// header is what a file says before it is decoded.
type header struct {
	w, h int
	// bytes that the decoder allocates beside the file and the pixels of the result.
	bytes int64
}

// total is what decoding allocates.
func (h header) total() int64 { return h.bytes + 3*int64(h.w)*int64(h.h) }

// check refuses images that are too large.
func (h header) check() error {
	if h.w < 1 || h.h < 1 || h.w > maxPixels/h.h {
		return fmt.Errorf("image of %dx%d pixels, at most %d altogether are read", h.w, h.h, maxPixels)
	}
	if n := h.total(); n > maxDecodeBytes {
		return fmt.Errorf("image of %dx%d pixels that takes %d MB to decode, at most %d are used: save it smaller", h.w, h.h, n>>20, maxDecodeBytes>>20)
	}
	return nil
}

// times is the header with so many bytes a pixel.
func (h header) times(bytes int64) header {
	h.bytes = bytes * int64(h.w) * int64(h.h)
	return h
}

// fill copies a decoded image.
func (m *Image) fill(src image.Image) {
	b := src.Bounds()
	m.Reset(b.Dx(), b.Dy())
	switch src := src.(type) {
	case *image.Gray:
		for y := range m.H {
			row := src.Pix[y*src.Stride:][:m.W]
			interleave(m.row(y), row, row, row)
		}
	case *image.Gray16:
		m.fillGrey16(src)
	case *image.NRGBA:
		m.fillFour(src.Pix, src.Stride)
	case *image.RGBA:
		if src.Opaque() {
			m.fillFour(src.Pix, src.Stride)
			return
		}
		m.fillAny(src)
	case *image.NRGBA64:
		m.fillUpper(src.Pix, src.Stride)
	case *image.RGBA64:
		if src.Opaque() {
			m.fillUpper(src.Pix, src.Stride)
			return
		}
		m.fillAny(src)
	case *image.Paletted:
		palette := opaquePalette(src.Palette)
		for y := range m.H {
			for x, v := range src.Pix[y*src.Stride:][:m.W] {
				copy(m.row(y)[3*x:], palette[v][:])
			}
		}
	default:
		m.fillAny(src)
	}
}

// opaquePalette is a palette without its transparency.
func opaquePalette(palette color.Palette) (rgb [256][3]uint8) {
	for i, c := range palette {
		rgb[i] = withoutAlpha(c)
	}
	return rgb
}

// fillGrey16 copies greys of 16 bits by their range, see DecodeImage.
func (m *Image) fillGrey16(src *image.Gray16) {
	at := func(x, y int) int {
		p := src.Pix[y*src.Stride+2*x:]
		return int(p[0])<<8 | int(p[1])
	}
	most := 0
	for y := range m.H {
		for x := range m.W {
			most = max(most, at(x, y))
		}
	}
	shift := rangeShift(most)
	for y := range m.H {
		for x := range m.W {
			v := uint8(at(x, y) >> shift)
			p := m.row(y)[3*x:][:3]
			p[0], p[1], p[2] = v, v, v
		}
	}
}

// rangeShift is by how many bits greys of 16 bits are shifted of which the largest is
// most.
func rangeShift(most int) int {
	switch {
	case most < 1<<8:
		return 0
	case most < 1<<12:
		return 4
	}
	return 8
}

// fillFour copies from four bytes a pixel.
func (m *Image) fillFour(pix []uint8, stride int) {
	for y := range m.H {
		row, out := pix[y*stride:][:4*m.W], m.row(y)
		for x := 0; x < m.W; x++ {
			copy(out[3*x:3*x+3], row[4*x:])
		}
	}
}

// fillUpper copies the upper bytes of four 16-bit numbers a pixel.
func (m *Image) fillUpper(pix []uint8, stride int) {
	for y := range m.H {
		row, out := pix[y*stride:][:8*m.W], m.row(y)
		for x := range m.W {
			p := row[8*x:][:8]
			out[3*x], out[3*x+1], out[3*x+2] = p[0], p[2], p[4]
		}
	}
}

func (m *Image) fillAny(src image.Image) {
	b := src.Bounds()
	for y := range m.H {
		for x := range m.W {
			c := withoutAlpha(src.At(b.Min.X+x, b.Min.Y+y))
			copy(m.row(y)[3*x:], c[:])
		}
	}
}

// withoutAlpha is a colour at full opacity, not blended with anything.
func withoutAlpha(c color.Color) [3]uint8 {
	n := color.NRGBAModel.Convert(c).(color.NRGBA)
	return [3]uint8{n.R, n.G, n.B}
}
