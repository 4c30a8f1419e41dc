package images

import (
	"image"
	"image/color"
)

// Image is an 8-bit RGB image: rows from top to bottom, three bytes a pixel, no
// padding. Pixel (x, y) is Pix[3*(y*W+x):][:3].
type Image struct {
	W, H int
	Pix  []uint8

	share *share // of the memory for large images; nil: of no worker
}

// NewImage makes a black image.
func NewImage(w, h int) *Image { return &Image{W: w, H: h, Pix: make([]uint8, 3*w*h)} }

// Reset gives the image another size, keeping its memory where it is large
// enough. The pixels are whatever they were.
func (m *Image) Reset(w, h int) {
	n := 3 * w * h
	if cap(m.Pix) < n {
		m.Pix = make([]uint8, n)
	}
	m.W, m.H, m.Pix = w, h, m.Pix[:n]
}

// Clone copies the image.
func (m *Image) Clone() *Image {
	return &Image{W: m.W, H: m.H, Pix: append([]uint8(nil), m.Pix...)}
}

func (m *Image) row(y int) []uint8 { return m.Pix[3*y*m.W : 3*(y+1)*m.W] }

// ColorModel makes Image, with Bounds and At, a standard image.Image, so that it can
// be drawn and encoded.
func (m *Image) ColorModel() color.Model { return color.RGBAModel }

// Bounds is the rectangle from (0, 0) to (W, H).
func (m *Image) Bounds() image.Rectangle { return image.Rect(0, 0, m.W, m.H) }

// At is the pixel at (x, y); it is transparent outside of the image.
func (m *Image) At(x, y int) color.Color {
	if x < 0 || y < 0 || x >= m.W || y >= m.H {
		return color.RGBA{}
	}
	p := m.Pix[3*(y*m.W+x):]
	return color.RGBA{R: p[0], G: p[1], B: p[2], A: 255}
}

// luma is the grey value of a colour in the ITU-R 601-2 weights .299, .587 and
// .114, in 16-bit fixed point as Pillow's mode L has it.
func luma(r, g, b uint8) uint8 {
	return uint8((uint32(r)*19595 + uint32(g)*38470 + uint32(b)*7471 + 0x8000) >> 16)
}
