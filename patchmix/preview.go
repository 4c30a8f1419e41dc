package patchmix

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"slices"

	"golang.org/x/image/draw"

	"pmx/images"
	"pmx/onnxgraph"
)

// Preview writes a PNG sheet of what a batch of a loader with configuration c
// is made of: a row for each of the first images with the original, the views,
// the mixed views and the local crops (plain above, mixed below), and under them
// the soft targets as heat maps. Every image has a colour; in mixed views each
// patch is framed in the colour of the image that it comes from.
func Preview(ctx context.Context, w io.Writer, b *Batch, data images.Dataset, c LoaderConfig) error {
	sheet, err := previewImage(ctx, b, data, c)
	if err != nil {
		return err
	}
	return png.Encode(w, sheet)
}

const (
	previewRows   = 8   // images shown
	previewLocals = 6   // local crops shown
	previewCell   = 128 // about the side of a view on the sheet
	previewGap    = 10
	previewMargin = 24
	previewHead   = 84  // title and column heads
	previewSide   = 132 // row names
	previewMatrix = 264 // side of a heat map, smaller where the rows are narrow
	previewTags   = 22  // left of a heat map, for the colours of its rows
)

// previewImage draws the sheet of Preview.
func previewImage(ctx context.Context, b *Batch, data images.Dataset, c LoaderConfig) (image.Image, error) {
	l := newPreviewLayout(b, c)
	s := newSheet(l.width, l.height)
	s.heads(l, data.Name(), l.about(b, c))
	var original images.Image
	for row := range l.rows {
		label, err := data.Sample(ctx, b.Indices[row], &original)
		if err != nil {
			return nil, err
		}
		class := ""
		if classes := data.Classes(); label >= 0 && label < len(classes) {
			class = classes[label]
		}
		s.rowName(l, row, b.Indices[row], class)
		s.fit(l.cellAt(row, 0), &original)
		s.views(l, b, c, row)
	}
	if l.mixed {
		s.legend(b, l.rows, l.bodyEnd+8)
		s.targets(b, l.bodyEnd+56, l.inner, l.matrix)
	}
	return s.RGBA, nil
}

// previewLayout says where things are on a sheet, in pixels.
type previewLayout struct {
	rows, locals int
	mixed        bool
	columns      []string // of a cell each; the local crops follow
	cell, small  int      // sides of a view and of a local crop
	inner        int      // width between the margins
	bodyEnd      int      // y below the rows
	matrix       int      // side of a heat map

	width, height int
}

func newPreviewLayout(b *Batch, c LoaderConfig) previewLayout {
	size := c.Views.View1.Crop.Size
	l := previewLayout{
		rows: min(previewRows, len(b.Indices)), locals: min(previewLocals, c.Views.LocalCrops), mixed: b.mixed != nil,
		columns: []string{"original", "view 1", "view 2"},
		cell:    size * max(1, (previewCell+size/2)/size),
	}
	if l.mixed {
		l.columns = append(l.columns, "mixed 1", "mixed 2")
	}
	l.small = (l.cell - previewGap) / 2
	l.inner = previewSide + len(l.columns)*(l.cell+previewGap) + l.locals*(l.small+previewGap) - previewGap
	l.bodyEnd = previewHead + l.rows*(l.cell+previewGap)
	l.matrix = min(previewMatrix, (l.inner-3*previewTags-2*previewGap)/3)
	l.width, l.height = previewMargin+l.inner+previewMargin, l.bodyEnd+previewMargin
	if l.mixed {
		l.height += l.matrix + 72
	}
	return l
}

func (l previewLayout) columnX(column int) int {
	return previewMargin + previewSide + column*(l.cell+previewGap)
}

func (l previewLayout) rowY(row int) int { return previewHead + row*(l.cell+previewGap) }

// cellAt is where a row has the picture of a column.
func (l previewLayout) cellAt(row, column int) image.Rectangle {
	return square(l.columnX(column), l.rowY(row), l.cell)
}

// localX is where local crop i begins.
func (l previewLayout) localX(i int) int {
	return l.columnX(len(l.columns)) + i*(l.small+previewGap)
}

// about is the line beside the title.
func (l previewLayout) about(b *Batch, c LoaderConfig) string {
	about := fmt.Sprintf("epoch %d, step %d, batch of %d, %d px", b.Epoch, b.Step, len(b.Indices), c.Views.View1.Crop.Size)
	if l.mixed {
		about += fmt.Sprintf(", %d images a mix, patches of %d px", b.Num, c.Mix.Patch)
		if l.locals > 0 {
			about += "; local crops plain above, mixed below"
		}
	}
	return about
}

func square(x, y, side int) image.Rectangle { return image.Rect(x, y, x+side, y+side) }

// heads writes the title and the names of the columns.
func (s *sheet) heads(l previewLayout, title, about string) {
	s.text(previewMargin, 34, s.title, ink, title)
	s.text(previewMargin+s.width(s.title, title)+16, 34, s.small, faint, about)
	for i, name := range l.columns {
		s.text(l.columnX(i), previewHead-10, s.plain, ink, name)
	}
	for i := range l.locals {
		s.text(l.localX(i), previewHead-10, s.plain, ink, fmt.Sprintf("local %d", i))
	}
}

// rowName says left of a row which image it is, in its colour.
func (s *sheet) rowName(l previewLayout, row, number int, class string) {
	x, y := previewMargin, l.rowY(row)
	s.fill(image.Rect(x, y, x+6, y+l.cell), tag(row))
	s.text(x+16, y+18, s.plain, ink, fmt.Sprintf("image %d", row))
	s.text(x+16, y+36, s.small, faint, fmt.Sprintf("number %d", number))
	if class != "" {
		s.text(x+16, y+53, s.small, faint, s.cut(class, previewSide-24))
	}
}

// views draws a row's views and local crops, and their mixes framed.
func (s *sheet) views(l previewLayout, b *Batch, c LoaderConfig, row int) {
	normalize := images.NewNormalizer(c.Views.Mean, c.Views.Std)
	show := func(at image.Rectangle, views [][]float32, view int) {
		side := c.Views.list()[view].Crop.Size
		s.stretch(at, normalize.Image(views[view][row*3*side*side:], side, side))
	}
	mix := func(at image.Rectangle, view int) {
		show(at, b.mixed, view)
		s.frames(at, b, c, view, row, c.Views.list()[view].Crop.Size)
	}
	for view := range 2 {
		show(l.cellAt(row, 1+view), b.views, view)
		if l.mixed {
			mix(l.cellAt(row, 3+view), view)
		}
	}
	for i := range l.locals {
		x, y := l.localX(i), l.rowY(row)
		show(square(x, y, l.small), b.views, 2+i)
		if l.mixed {
			mix(square(x, y+l.cell-l.small, l.small), 2+i)
		}
	}
}

// legend names, on one line, the images that have patches in the rows shown and
// no row of their own.
func (s *sheet) legend(b *Batch, rows, y int) {
	x := previewMargin + previewSide
	for i := rows; i < min(rows+b.Num-1, len(b.Indices)); i++ {
		name := fmt.Sprintf("image %d, number %d", i, b.Indices[i])
		end := x + 16 + s.width(s.small, name)
		if end > s.Rect.Max.X-previewMargin {
			return
		}
		s.fill(image.Rect(x, y-9, x+10, y+1), tag(i))
		s.text(x+16, y, s.small, faint, name)
		x = end + 16
	}
}

// frames draws a frame around every patch of a mixed view, in the colour of the
// image that the patch comes from. Larger patches have wider frames.
func (s *sheet) frames(at image.Rectangle, b *Batch, c LoaderConfig, view, row, side int) {
	shift, err := Mixer{c.Mix.Patch, b.Num}.shifts(b.perms[view], side, side)
	if err != nil {
		return // the batch could not have been mixed
	}
	n := side / c.Mix.Patch
	for i, further := range shift {
		x0, y0 := at.Min.X+i%n*at.Dx()/n, at.Min.Y+i/n*at.Dy()/n
		x1, y1 := at.Min.X+(i%n+1)*at.Dx()/n, at.Min.Y+(i/n+1)*at.Dy()/n
		s.outline(image.Rect(x0, y0, x1, y1), frameWidth(x1-x0), tag((row+further)%len(b.Indices)))
	}
}

// frameWidth is that of the frame of a patch that is side pixels wide on the sheet.
func frameWidth(side int) int { return max(1, min(side/8, 3)) }

// targets draws the three matrices, of the given side, in a row from y on that is
// no wider than inner.
func (s *sheet) targets(b *Batch, y, inner, side int) {
	pitch := min(side+64, (inner-previewTags-side)/2)
	for i, m := range []struct{ feed, name string }{
		{"target_source", "source"}, {"target_mix_source", "mix to source"}, {"target_mix_mix", "mix to mix"},
	} {
		x := previewMargin + previewTags + i*pitch
		s.text(x, y-24, s.plain, ink, "target "+m.name)
		s.text(x, y-7, s.small, faint, "queries down, keys across")
		s.matrix(image.Rect(x, y+16, x+side, y+16+side), b.Feeds[m.feed])
	}
}

// matrix draws a square matrix as a heat map, with numbers if they fit.
func (s *sheet) matrix(at image.Rectangle, m *onnxgraph.Tensor) {
	n, values := m.Shape()[0], onnxgraph.Data[float32](m)
	top := slices.Max(values)
	edge := func(i int) int { return i * at.Dx() / n }
	for i, v := range values {
		row, column := i/n, i%n
		r := image.Rect(edge(column), edge(row), edge(column+1), edge(row+1)).Add(at.Min)
		if n <= 32 { // room for lines between
			r.Max = r.Max.Sub(image.Pt(1, 1))
		}
		s.fill(r, heat(float64(v/top)))
		if n <= 8 {
			text, c := fmt.Sprintf("%.2f", v), ink
			switch {
			case v == 0:
				text, c = "0", faint
			case v > .4*top:
				c = paper
			}
			s.text(r.Min.X+(r.Dx()-s.width(s.small, text))/2, r.Min.Y+r.Dy()/2+4, s.small, c, text)
		}
	}
	if n > 32 {
		return
	}
	for i := range n { // which image a row or column is of
		s.fill(image.Rect(at.Min.X-9, at.Min.Y+edge(i), at.Min.X-4, at.Min.Y+edge(i+1)-1), tag(i))
		s.fill(image.Rect(at.Min.X+edge(i), at.Min.Y-9, at.Min.X+edge(i+1)-1, at.Min.Y-4), tag(i))
	}
}

// tag is the colour of image i of a batch; they repeat after 12.
func tag(i int) color.RGBA {
	tags := [...]color.RGBA{
		{31, 119, 180, 255}, {255, 127, 14, 255}, {44, 160, 44, 255}, {214, 39, 40, 255},
		{148, 103, 189, 255}, {140, 86, 75, 255}, {227, 119, 194, 255}, {23, 190, 207, 255},
		{188, 189, 34, 255}, {127, 127, 127, 255}, {0, 60, 110, 255}, {120, 200, 120, 255},
	}
	return tags[i%len(tags)]
}

// heat runs from nearly white at 0 to dark blue at 1.
func heat(v float64) color.RGBA {
	mix := func(a, b float64) uint8 { return uint8(a + (b-a)*v + .5) }
	return color.RGBA{mix(243, 18), mix(246, 62), mix(250, 116), 255}
}

// stretch draws img over all of at: pixels as squares when it is enlarged,
// smoothly when it is reduced.
func (s *sheet) stretch(at image.Rectangle, img *images.Image) {
	src := image.NewRGBA(img.Bounds()) // for which draw has fast ways
	for i := range img.W * img.H {
		copy(src.Pix[4*i:], img.Pix[3*i:3*i+3])
		src.Pix[4*i+3] = 255
	}
	var scaler draw.Scaler = draw.CatmullRom
	if at.Dx() >= img.W {
		scaler = draw.NearestNeighbor
	}
	scaler.Scale(s.RGBA, at, src, src.Rect, draw.Src, nil)
}

// fit draws img as large as it goes into at, in the middle, on grey.
func (s *sheet) fit(at image.Rectangle, img *images.Image) {
	s.fill(at, color.RGBA{236, 238, 240, 255})
	scale := min(float64(at.Dx())/float64(img.W), float64(at.Dy())/float64(img.H))
	w, h := max(1, int(float64(img.W)*scale)), max(1, int(float64(img.H)*scale))
	corner := at.Min.Add(image.Pt((at.Dx()-w)/2, (at.Dy()-h)/2))
	s.stretch(image.Rectangle{corner, corner.Add(image.Pt(w, h))}, img)
}
