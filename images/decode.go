package images

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/jpeg" // formats that image.Decode then reads
	_ "image/png"
	"sync"

	_ "golang.org/x/image/bmp" // the same
	_ "golang.org/x/image/webp"

	"pmx/images/internal/jpeg"
)

// maxPixels is the largest image that is decoded, against files that promise
// more than memory holds: the size from which on Pillow, and torchvision's loader
// with it, refuses too. A whole Sentinel-2 tile, 10,980 pixels square, is below it.
const maxPixels = 2 * 89478485

// imageKinds names the formats that DecodeImage knows.
const imageKinds = "JPEG, PNG, GIF, BMP, WebP, TIFF"

// DecodeImage decodes a JPEG, PNG, GIF, BMP, WebP or TIFF file into img, reusing
// its memory; of a GIF or TIFF of several pictures the first. Grey becomes RGB and
// transparency is dropped, so that the colour below shows, as in Pillow's
// convert("RGB"). Of 16 bits the upper 8 are taken, where Pillow cuts greys off at
// 255. The orientation that a camera notes in EXIF is not applied: torchvision's
// loader does not either, and models are compared on what it gives.
func DecodeImage(data []byte, img *Image) error {
	if decodePlainJPEG(data, img) {
		return nil
	}
	config, kind, err := image.DecodeConfig(bytes.NewReader(data))
	if errors.Is(err, image.ErrFormat) {
		return fmt.Errorf("not an image of a kind that is read (%s)", imageKinds)
	}
	if err := unsupportedTIFF(err); err != nil {
		return unlessNotRead(err, "not a readable image")
	}
	if config.Width < 1 || config.Height < 1 || config.Width > maxPixels/config.Height {
		return fmt.Errorf("image of %dx%d pixels, at most %d altogether are read", config.Width, config.Height, maxPixels)
	}
	decoded, err := decodeKind(data, kind)
	if err != nil {
		return err
	}
	img.fill(decoded, kind)
	return nil
}

// notRead says of a good image why it is not read.
type notRead string

func (e notRead) Error() string { return string(e) }

// decodeKind decodes a file of the named kind.
func decodeKind(data []byte, kind string) (decoded image.Image, err error) {
	switch {
	case kind == "gif":
		decoded, err = decodeGIF(data)
	case kind == "tiff":
		decoded, err = decodeTIFF(data)
	case kind == "webp" && isAnimatedWebP(data):
		err = notRead("an animated WebP, which is not read: save one of its pictures in its place")
	default:
		decoded, _, err = image.Decode(bytes.NewReader(data))
	}
	return decoded, unlessNotRead(unsupportedTIFF(err), "corrupt "+kind+" image")
}

// unlessNotRead puts what is wrong before an error, unless nothing is wrong with the
// image.
func unlessNotRead(err error, wrong string) error {
	if _, good := errors.AsType[notRead](err); err == nil || good {
		return err
	}
	return fmt.Errorf("%s: %w", wrong, err)
}

// isAnimatedWebP looks at the flags of the extended format: RIFF size WEBP VP8X size
// flags. https://developers.google.com/speed/webp/docs/riff_container
func isAnimatedWebP(data []byte) bool {
	const animation = 1 << 1
	return len(data) > 20 && string(data[12:16]) == "VP8X" && data[20]&animation != 0
}

// decodePlainJPEG decodes most photographs faster than image/jpeg. It says no to
// other files, and to damaged ones, for which the usual way has better words.
func decodePlainJPEG(data []byte, img *Image) bool {
	if !bytes.HasPrefix(data, []byte{0xff, 0xd8}) {
		return false
	}
	decoder := jpegDecoders.Get().(*jpeg.Decoder)
	defer jpegDecoders.Put(decoder)
	decoded, err := decoder.Decode(data)
	if err != nil {
		return false
	}
	img.fill(decoded, "jpeg")
	return true
}

var jpegDecoders = sync.Pool{New: func() any { return new(jpeg.Decoder) }}

// fill copies an image decoded from a file of the named kind.
func (m *Image) fill(src image.Image, kind string) {
	b := src.Bounds()
	m.Reset(b.Dx(), b.Dy())
	switch src := src.(type) {
	case *image.NYCbCrA:
		m.fill(&src.YCbCr, kind)
	case *image.YCbCr:
		tables := jfif
		if kind == "webp" {
			tables = webp
		}
		m.fillYCbCr(src, tables)
	case *image.Gray:
		for y := range m.H {
			row := src.Pix[y*src.Stride:][:m.W]
			for x, v := range row {
				p := m.row(y)[3*x:][:3]
				p[0], p[1], p[2] = v, v, v
			}
		}
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
		var palette [256][3]uint8
		for i, c := range src.Palette {
			palette[i] = withoutAlpha(c)
		}
		for y := range m.H {
			for x, v := range src.Pix[y*src.Stride:][:m.W] {
				copy(m.row(y)[3*x:], palette[v][:])
			}
		}
	default:
		m.fillAny(src)
	}
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
