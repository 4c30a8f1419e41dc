package coco

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// Drawn is an object to be drawn on its image.
type Drawn struct {
	Box    XYWH
	Mask   RLE    // none if it has no counts
	Label  string // may be empty
	Color  color.NRGBA
	Dashed bool // to tell what was annotated from what was detected
	NoBox  bool // leave out the box
}

// Hide leaves out some of what would be drawn.
func (d *Drawn) Hide(box, mask, label bool) {
	d.NoBox = d.NoBox || box
	if mask {
		d.Mask = RLE{}
	}
	if label {
		d.Label = ""
	}
}

// Draw returns a copy of an image with objects on it: masks see-through with an
// outline, then boxes, then labels. Sizes follow the image's.
func Draw(src image.Image, objects []Drawn) (*image.RGBA, error) {
	b := src.Bounds()
	dst := image.NewRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	draw.Draw(dst, dst.Bounds(), src, b.Min, draw.Src)
	side := float64(min(b.Dx(), b.Dy()))
	width := max(1, int(math.Round(side/240)))
	face, err := labelFace(min(max(side/34, 10), 48))
	if err != nil {
		return nil, err
	}
	defer face.Close()

	for i, o := range objects {
		if len(o.Mask.Counts) == 0 {
			continue
		}
		if o.Mask.Height != b.Dy() || o.Mask.Width != b.Dx() {
			return nil, fmt.Errorf("coco: mask %d has height %d and width %d, the image has %d and %d: is it another image?", i, o.Mask.Height, o.Mask.Width, b.Dy(), b.Dx())
		}
		if err := drawMask(dst, o.Mask, o.Color); err != nil {
			return nil, err
		}
	}
	for _, o := range objects {
		if !o.NoBox {
			drawBox(dst, o, width)
		}
	}
	for _, o := range objects {
		drawLabel(dst, face, o, width)
	}
	return dst, nil
}

// drawMask blends a mask into the image and marks its border pixels.
func drawMask(dst *image.RGBA, mask RLE, c color.NRGBA) error {
	m, err := mask.Decode()
	if err != nil {
		return err
	}
	const inside, border = .4, .9 // how much of the color shows
	at := func(x, y int) bool { return x >= 0 && y >= 0 && x < m.Width && y < m.Height && m.Pix[y*m.Width+x] != 0 }
	for y := range m.Height {
		for x := range m.Width {
			if !at(x, y) {
				continue
			}
			share := inside
			if !at(x-1, y) || !at(x+1, y) || !at(x, y-1) || !at(x, y+1) {
				share = border
			}
			blend(dst, x, y, c, share)
		}
	}
	return nil
}

func blend(dst *image.RGBA, x, y int, c color.NRGBA, share float64) {
	p := dst.Pix[dst.PixOffset(x, y):]
	for i, v := range [3]uint8{c.R, c.G, c.B} {
		p[i] = uint8(math.Round(float64(p[i])*(1-share) + float64(v)*share))
	}
	p[3] = 255
}

// drawBox draws the border of a box, centred on it, with a dark edge so that it
// shows on any picture.
func drawBox(dst *image.RGBA, o Drawn, width int) {
	b := o.Box.XYXY()
	x0, y0, x1, y1 := round(min(b[0], b[2])), round(min(b[1], b[3])), round(max(b[0], b[2])), round(max(b[1], b[3]))
	box := image.Rect(x0, y0, x1, y1)
	dash := 0
	if o.Dashed {
		dash = 6 * width
	}
	border := box.Inset(-(width / 2))
	ring(dst, border.Inset(-1), 1, color.NRGBA{A: 255}, border.Min, dash)
	ring(dst, border, width, o.Color, border.Min, dash)
}

// ring fills the pixels inside r that lie within width of its border; if dash is
// not 0, in stretches of so many pixels, counted from origin.
func ring(dst *image.RGBA, r image.Rectangle, width int, c color.NRGBA, origin image.Point, dash int) {
	inner := r.Inset(width)
	visible := r.Intersect(dst.Bounds())
	for y := visible.Min.Y; y < visible.Max.Y; y++ {
		for x := visible.Min.X; x < visible.Max.X; x++ {
			if image.Pt(x, y).In(inner) {
				x = inner.Max.X - 1 // on to the right side
				continue
			}
			if dash == 0 || ((x-origin.X)+(y-origin.Y)+2*dash)/dash%2 == 0 {
				dst.SetRGBA(x, y, color.RGBA(c))
			}
		}
	}
}

func round(v float64) int { return int(math.Round(min(max(v, -1e6), 1e6))) }

// labelFace is the letter type of labels, Go Regular, in the given height.
func labelFace(height float64) (font.Face, error) {
	f, err := opentype.Parse(goregular.TTF)
	if err != nil {
		return nil, fmt.Errorf("coco: %w", err)
	}
	face, err := opentype.NewFace(f, &opentype.FaceOptions{Size: height, DPI: 72, Hinting: font.HintingFull})
	if err != nil {
		return nil, fmt.Errorf("coco: %w", err)
	}
	return face, nil
}

// drawLabel writes the label on a plate of the object's color above its box, or
// inside where there is no room above.
func drawLabel(dst *image.RGBA, face font.Face, o Drawn, width int) {
	if o.Label == "" {
		return
	}
	metrics := face.Metrics()
	pad := width + 1
	w, h := font.MeasureString(face, o.Label).Ceil()+2*pad, (metrics.Ascent+metrics.Descent).Ceil()+pad
	x, y := round(o.Box[0])-width/2, round(o.Box[1])-width/2-h
	if y < 0 {
		y = round(o.Box[1])
	}
	x = max(0, min(x, dst.Bounds().Dx()-w))
	y = max(0, min(y, dst.Bounds().Dy()-h))
	plate := image.Rect(x, y, x+w, y+h)
	draw.Draw(dst, plate, image.NewUniform(o.Color), image.Point{}, draw.Src)
	ink := color.Color(color.White)
	if luma := .299*float64(o.Color.R) + .587*float64(o.Color.G) + .114*float64(o.Color.B); luma > 140 {
		ink = color.Black
	}
	d := font.Drawer{
		Dst: dst, Src: image.NewUniform(ink), Face: face,
		Dot: fixed.P(plate.Min.X+pad, plate.Min.Y+pad/2+metrics.Ascent.Ceil()),
	}
	d.DrawString(o.Label)
}

// Palette returns a color for a category: neighbouring ids have hues far apart, by
// steps of the golden section, and brightness alternates.
func Palette(categoryID int64) color.NRGBA {
	const golden = 0.6180339887498949 // (√5 - 1) / 2
	_, hue := math.Modf(.05 + math.Abs(float64(categoryID))*golden)
	value := 1.
	if categoryID%2 != 0 {
		value = .85
	}
	const saturation = .8
	channel := func(shift float64) uint8 {
		// The hexagon of hue: a channel is full over a third of the circle, and
		// rises and falls linearly over a sixth.
		_, at := math.Modf(hue + shift)
		full := min(max(math.Abs(at*6-3)-1, 0), 1)
		return uint8(math.Round(255 * value * (1 - saturation + saturation*full)))
	}
	return color.NRGBA{channel(0), channel(2. / 3), channel(1. / 3), 255}
}
