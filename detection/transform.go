package detection

import (
	"fmt"
	"math"
	"math/rand/v2"

	"pmx/detection/coco"
	"pmx/images"
)

// maxSide is the largest side of the network's square in pixels.
const maxSide = 1 << 13

// Transform makes what a network of a fixed square takes of a picture and its objects.
//
// Large-scale jitter (Scale is set): mirror, scale to a random multiple of the size that
// fits the square, cut out a random part of the square's size where it is larger.
//
// Multi-scale (Scale is zero): cut out a random part if Crop is set, scale the shorter
// side to one of Shortest, but the longer side at most to Size, and mirror.
//
// Source: detectron2's RandomFlip, ResizeScale, FixedSizeCrop, RandomCrop
// ("relative_range") and ResizeShortestEdge ("choice"), in the order of its recipes.
type Transform struct {
	Size     int        // side of the network's square in pixels
	Scale    [2]float64 // range of the jitter, such as .1 to 2; zero: none
	Shortest []int      // lengths of the shorter side; empty: Size, so that the longer side fits
	Crop     [2]float64 // smallest part of height and width that is cut out; zero: none
	Flip     float64    // probability of mirroring left to right
}

// Fit is the transform for evaluation: as large as fits the square.
func Fit(size int) Transform { return Transform{Size: size} }

// Check says what is wrong with the configuration.
func (t Transform) Check() error {
	wrong := func(format string, args ...any) error { return fmt.Errorf("detection: "+format, args...) }
	if t.Size < 1 || t.Size > maxSide {
		return wrong("pictures of %d pixels, choose 1 to %d", t.Size, maxSide)
	}
	if t.jitters() {
		switch {
		case !(0 < t.Scale[0] && t.Scale[0] <= t.Scale[1] && t.Scale[1] <= 10):
			return wrong("scales from %g to %g, choose two above 0 and up to 10, the smaller first", t.Scale[0], t.Scale[1])
		case len(t.Shortest) > 0:
			return wrong("scales %g to %g and shorter sides %v, choose one of both", t.Scale[0], t.Scale[1], t.Shortest)
		case t.Crop != [2]float64{}:
			return wrong("scales %g to %g cut out a part already, leave the crop of %g and %g out", t.Scale[0], t.Scale[1], t.Crop[0], t.Crop[1])
		}
	}
	for _, s := range t.Shortest {
		if s < 1 || s > maxSide {
			return wrong("a shorter side of %d pixels, choose 1 to %d", s, maxSide)
		}
	}
	if t.Crop != [2]float64{} && !(t.Crop[0] > 0 && t.Crop[0] <= 1 && t.Crop[1] > 0 && t.Crop[1] <= 1) {
		return wrong("crops of at least %g and %g of the picture, choose above 0 and up to 1", t.Crop[0], t.Crop[1])
	}
	if !(t.Flip >= 0 && t.Flip <= 1) {
		return wrong("flipping with probability %g, choose 0 to 1", t.Flip)
	}
	return nil
}

func (t Transform) jitters() bool { return t.Scale != [2]float64{} }

// draw draws the geometry for a picture of a size.
func (t Transform) draw(rng *rand.Rand, h, w int) geometry {
	var g geometry
	add := func(s step) { g = append(g, s); h, w = s.size() }
	mirror := func() {
		if t.Flip > 0 && (t.Flip >= 1 || rng.Float64() < t.Flip) {
			add(flip{h, w})
		}
	}
	if t.jitters() {
		mirror()
		toH, toW := fitScaled(h, w, t.Size, t.Scale[0]+(t.Scale[1]-t.Scale[0])*rng.Float64())
		add(resize{h, w, toH, toW})
		// One draw serves both directions.
		place := rng.Float64()
		y, x := offset(h, t.Size, place), offset(w, t.Size, place)
		if h > t.Size || w > t.Size {
			add(crop{y, x, min(h, t.Size), min(w, t.Size)})
		}
		return g
	}
	if t.Crop != [2]float64{} {
		part := func(least float64, side int) int {
			return max(1, int(float64(side)*(least+rng.Float64()*(1-least))+.5))
		}
		ch, cw := part(t.Crop[0], h), part(t.Crop[1], w)
		add(crop{rng.IntN(h - ch + 1), rng.IntN(w - cw + 1), ch, cw})
	}
	shortest := t.Size
	if len(t.Shortest) > 0 {
		shortest = t.Shortest[rng.IntN(len(t.Shortest))]
	}
	toH, toW := shortestEdge(h, w, shortest, t.Size)
	add(resize{h, w, toH, toW})
	mirror()
	return g
}

// shortestEdge is the size at which the shorter side has a length and the longer one at
// most another.
func shortestEdge(h, w, shortest, longest int) (toH, toW int) {
	scale := float64(shortest) / float64(min(h, w))
	newH, newW := scale*float64(h), float64(shortest)
	if h < w {
		newH, newW = float64(shortest), scale*float64(w)
	}
	if longer := max(newH, newW); longer > float64(longest) {
		scale := float64(longest) / longer
		newH, newW = newH*scale, newW*scale
	}
	return max(1, int(newH+.5)), max(1, int(newW+.5))
}

// fitScaled is the size that fits a square times a scale.
func fitScaled(h, w, size int, scale float64) (toH, toW int) {
	target := float64(size) * scale
	by := min(target/float64(h), target/float64(w))
	return max(1, int(math.RoundToEven(float64(h)*by))), max(1, int(math.RoundToEven(float64(w)*by)))
}

// offset is where a part of a size begins, for a place from 0 to 1.
func offset(side, size int, place float64) int {
	return int(math.RoundToEven(float64(max(side-size, 0)) * place))
}

// Target is what is to be found in a transformed picture: of each object the box x1 y1
// x2 y2 in float32 pixels of the picture, the class, the mask [H W] and the annotation
// that it comes from.
type Target struct {
	H, W    int // of the picture, without what is beside it in the square
	Boxes   [][4]float32
	Classes []int
	Masks   []coco.RLE
	IDs     []int64
}

// Apply transforms a picture and its objects. The image belongs to work, or is img
// itself.
func (t Transform) Apply(img *images.Image, p *Picture, rng *rand.Rand, work *Workspace) (*images.Image, *Target, error) {
	g := t.draw(rng, img.H, img.W)
	target, err := g.target(p, img.H, img.W)
	if err != nil {
		return nil, nil, err
	}
	return g.picture(img, work), target, nil
}

// emptySide is the width or height up to which a box is empty.
const emptySide = 1e-5

// target transforms the objects of a picture of a size.
func (g geometry) target(p *Picture, fromH, fromW int) (*Target, error) {
	h, w := g.size(fromH, fromW)
	t := &Target{H: h, W: w}
	for i := range p.Objects {
		o := &p.Objects[i]
		if o.Crowd {
			continue
		}
		mask, err := g.mask(o, fromH, fromW, h, w)
		if err != nil {
			return nil, fmt.Errorf("detection: annotation %d of %q: %s: correct it or remove it", o.ID, p.Name, withoutRoom(err))
		}
		b := g.box(o.Box.XYXY(), h, w)
		if g.crops() && !o.Shape.IsZero() {
			b = mask.Box().XYXY()
		}
		box := [4]float32{float32(b[0]), float32(b[1]), float32(b[2]), float32(b[3])}
		if !(box[2]-box[0] > emptySide && box[3]-box[1] > emptySide) || mask.Area() == 0 {
			continue
		}
		t.Boxes = append(t.Boxes, box)
		t.Classes = append(t.Classes, o.Class)
		t.Masks = append(t.Masks, mask)
		t.IDs = append(t.IDs, o.ID)
	}
	return t, nil
}

// mask is the transformed mask of an object.
func (g geometry) mask(o *Object, fromH, fromW, h, w int) (coco.RLE, error) {
	switch {
	case o.Shape.RLE != nil:
		m, err := o.Shape.Rasterise(fromH, fromW)
		if err != nil {
			return m, err
		}
		return g.runs(m)
	case len(o.Shape.Polygons) > 0:
		return g.polygons(o.Shape.Polygons, h, w)
	}
	c := o.Box.XYXY()
	return g.polygons([]coco.Polygon{{c[0], c[1], c[2], c[1], c[2], c[3], c[0], c[3]}}, h, w)
}
