package detection

import (
	"pmx/detection/coco"
	"pmx/images"
)

// A step of a geometry changes the place of pixels: a flip, a resize or a crop. It has
// a rule for coordinates, for the pixels of a picture and for those of a mask.
type step interface {
	point(x, y float64) (float64, float64)
	picture(dst, src *images.Image, work *images.Workspace)
	mask(coco.RLE) (coco.RLE, error)
	size() (h, w int) // of the result
}

// flip mirrors left to right a picture of that size.
type flip struct{ h, w int }

func (f flip) point(x, y float64) (float64, float64) { return float64(f.w) - x, y }

func (f flip) picture(dst, src *images.Image, _ *images.Workspace) {
	dst.Reset(src.W, src.H)
	copy(dst.Pix, src.Pix)
	images.FlipHorizontal(dst)
}

func (f flip) mask(m coco.RLE) (coco.RLE, error) { return m.FlipHorizontal() }

func (f flip) size() (h, w int) { return f.h, f.w }

// resize scales a picture.
type resize struct{ fromH, fromW, h, w int }

func (r resize) point(x, y float64) (float64, float64) {
	return x * (float64(r.w) / float64(r.fromW)), y * (float64(r.h) / float64(r.fromH))
}

func (r resize) picture(dst, src *images.Image, work *images.Workspace) {
	images.ResizeBilinear(dst, src, images.Rect{W: src.W, H: src.H}, r.w, r.h, work)
}

func (r resize) mask(m coco.RLE) (coco.RLE, error) { return m.Resize(r.h, r.w) }

func (r resize) size() (h, w int) { return r.h, r.w }

// crop takes a part of a picture.
type crop struct{ y, x, h, w int }

func (c crop) point(x, y float64) (float64, float64) { return x - float64(c.x), y - float64(c.y) }

func (c crop) picture(dst, src *images.Image, work *images.Workspace) {
	images.ResizeBilinear(dst, src, images.Rect{X: c.x, Y: c.y, W: c.w, H: c.h}, c.w, c.h, work)
}

func (c crop) mask(m coco.RLE) (coco.RLE, error) { return m.Crop(c.y, c.x, c.h, c.w) }

func (c crop) size() (h, w int) { return c.h, c.w }

// geometry is what was drawn for one picture: steps in their order.
type geometry []step

// size is that of the result for a picture of a size.
func (g geometry) size(h, w int) (int, int) {
	if len(g) == 0 {
		return h, w
	}
	return g[len(g)-1].size()
}

// crops tells whether a part of the picture may be missing.
func (g geometry) crops() bool {
	for _, s := range g {
		if _, ok := s.(crop); ok {
			return true
		}
	}
	return false
}

func (g geometry) point(x, y float64) (float64, float64) {
	for _, s := range g {
		x, y = s.point(x, y)
	}
	return x, y
}

// box is the extent of a box's transformed corners, within the picture that results.
func (g geometry) box(b coco.XYXY, h, w int) coco.XYXY {
	x0, y0 := g.point(b[0], b[1])
	x1, y1 := g.point(b[2], b[3])
	within := func(v float64, limit int) float64 { return min(max(v, 0), float64(limit)) }
	return coco.XYXY{
		within(min(x0, x1), w), within(min(y0, y1), h),
		within(max(x0, x1), w), within(max(y0, y1), h),
	}
}

// polygons draws outlines whose points are transformed.
func (g geometry) polygons(polygons []coco.Polygon, h, w int) (coco.RLE, error) {
	moved := make([]coco.Polygon, len(polygons))
	for i, p := range polygons {
		moved[i] = make(coco.Polygon, len(p))
		for k := 0; k+1 < len(p); k += 2 {
			moved[i][k], moved[i][k+1] = g.point(p[k], p[k+1])
		}
	}
	return coco.PolygonRLE(h, w, moved...)
}

// runs transforms a mask.
func (g geometry) runs(m coco.RLE) (coco.RLE, error) {
	var err error
	for _, s := range g {
		if m, err = s.mask(m); err != nil {
			return m, err
		}
	}
	return m, nil
}

// picture transforms an image, by turns into two of the workspace.
func (g geometry) picture(img *images.Image, work *Workspace) *images.Image {
	for i, s := range g {
		dst := &work.pictures[i%2]
		s.picture(dst, img, &work.resize)
		img = dst
	}
	return img
}

// Workspace is the memory that transforms reuse from picture to picture. The zero value
// is ready. It serves one goroutine at a time.
type Workspace struct {
	resize   images.Workspace
	pictures [2]images.Image
}
