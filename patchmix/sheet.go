package patchmix

import (
	"image"
	"image/color"

	"golang.org/x/image/draw"
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

var (
	paper = color.RGBA{255, 255, 255, 255}
	ink   = color.RGBA{25, 28, 33, 255}
	faint = color.RGBA{105, 112, 122, 255}
)

// sheet is a white page to draw on, with the Go fonts.
type sheet struct {
	*image.RGBA
	title, plain, small font.Face
}

func newSheet(w, h int) *sheet {
	s := &sheet{RGBA: image.NewRGBA(image.Rect(0, 0, w, h))}
	s.fill(s.Rect, paper)
	s.title, s.plain, s.small = face(gobold.TTF, 20), face(goregular.TTF, 15), face(goregular.TTF, 12)
	return s
}

func face(ttf []byte, size float64) font.Face {
	f, err := opentype.Parse(ttf)
	if err != nil {
		panic(err) // the fonts are compiled in
	}
	out, err := opentype.NewFace(f, &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingFull})
	if err != nil {
		panic(err) // the options are constants
	}
	return out
}

// text draws a line that begins at (x, y), y being its base.
func (s *sheet) text(x, y int, f font.Face, c color.RGBA, text string) {
	d := font.Drawer{Dst: s.RGBA, Src: image.NewUniform(c), Face: f, Dot: fixed.P(x, y)}
	d.DrawString(text)
}

// width is that of a line of text in pixels.
func (s *sheet) width(f font.Face, text string) int { return font.MeasureString(f, text).Ceil() }

// cut shortens a line of small text to a width.
func (s *sheet) cut(text string, width int) string {
	if s.width(s.small, text) <= width {
		return text
	}
	r := []rune(text)
	for len(r) > 0 && s.width(s.small, string(r)+"…") > width {
		r = r[:len(r)-1]
	}
	return string(r) + "…"
}

func (s *sheet) fill(r image.Rectangle, c color.RGBA) {
	draw.Draw(s.RGBA, r, image.NewUniform(c), image.Point{}, draw.Src)
}

// outline draws a frame just within r, w pixels wide, through which the picture
// shows a little.
func (s *sheet) outline(r image.Rectangle, w int, c color.RGBA) {
	frame := image.NewUniform(color.NRGBA{c.R, c.G, c.B, 180})
	for _, side := range []image.Rectangle{
		{r.Min, image.Pt(r.Max.X, r.Min.Y+w)},
		{image.Pt(r.Min.X, r.Max.Y-w), r.Max},
		{image.Pt(r.Min.X, r.Min.Y+w), image.Pt(r.Min.X+w, r.Max.Y-w)},
		{image.Pt(r.Max.X-w, r.Min.Y+w), image.Pt(r.Max.X, r.Max.Y-w)},
	} {
		draw.Draw(s.RGBA, side, frame, image.Point{}, draw.Over)
	}
}
