package detection

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"

	"pmx/detection/coco"
	"pmx/images"
)

// The pictures of Scenes.
const (
	sceneSide    = 96
	mostItems    = 5
	smallestItem = 20
	largestItem  = 52
	itemLuma     = 12  // brighter pixels belong to an item
	mostOverlap  = .15 // of the smaller of two items
	placements   = 20  // tries to place an item

	// SceneCount and SceneValidation are the numbers of pictures of "scenes".
	SceneCount      = 1000
	SceneValidation = 200
	// SceneSeed is the seed of "scenes".
	SceneSeed = 1
)

// Scenes generates a data set for trials of detectors: pictures of 96x96 pixels of one
// to five items each. Items are images that are compiled in (images.Open("sample")), of
// 20 to 52 pixels, cut out by their shape, on a smooth coloured ground with noise. Items
// overlap by at most 15 %, and their masks are what remains visible. The split chooses
// the items: those of images.Train or of images.Test. The same values give the same
// pictures on every machine.
func Scenes(ctx context.Context, split string, n int, seed uint64) (*Dataset, error) {
	if n < 1 || n > 1e6 {
		return nil, fmt.Errorf("detection: %d scenes, choose 1 to 1000000", n)
	}
	items, err := images.Open("sample", split)
	if err != nil {
		return nil, err
	}
	d := &Dataset{
		name:   fmt.Sprintf("%d scenes of %s items", n, split),
		digest: digest("scenes", split, strconv.Itoa(n), strconv.FormatUint(seed, 10)),
	}
	for k, name := range items.Classes() {
		d.Categories = append(d.Categories, coco.Category{ID: int64(k + 1), Name: name, Supercategory: "clothing"})
	}
	stream := streamScene
	if split == images.Test {
		stream = streamTestScene
	}
	painter := scenePainter{items: items}
	pixels := make([][]uint8, n)
	for i := range n {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		painter.rng = images.NewRand(seed, stream, i, 0)
		p := Picture{ID: int64(i + 1), Name: fmt.Sprintf("%06d.png", i+1), Height: sceneSide, Width: sceneSide}
		if pixels[i], err = painter.paint(ctx, &p); err != nil {
			return nil, err
		}
		d.Pictures = append(d.Pictures, p)
	}
	d.read = func(_ context.Context, p *Picture, img *images.Image) error {
		img.Reset(sceneSide, sceneSide)
		copy(img.Pix, pixels[p.ID-1])
		return nil
	}
	return d, nil
}

// scenePainter paints one scene after the other.
type scenePainter struct {
	items  images.Dataset
	rng    *rand.Rand
	item   images.Image
	scaled images.Image
	work   images.Workspace
}

// sceneItem is an item of a scene: its class and which pixels show it.
type sceneItem struct {
	class int
	mask  coco.Mask
}

// paint draws the items of a scene over its ground, and notes what remains visible.
func (s *scenePainter) paint(ctx context.Context, p *Picture) ([]uint8, error) {
	pix := s.ground()
	var placed []*sceneItem
	for range 1 + s.rng.IntN(mostItems) {
		class, err := s.items.Sample(ctx, s.rng.IntN(s.items.Len()), &s.item)
		if err != nil {
			return nil, err
		}
		side := smallestItem + s.rng.IntN(largestItem-smallestItem+1)
		images.ResizeBilinear(&s.scaled, &s.item, images.Rect{W: s.item.W, H: s.item.H}, side, side, &s.work)
		for range placements {
			y, x := s.rng.IntN(sceneSide-side+1), s.rng.IntN(sceneSide-side+1)
			item := &sceneItem{class, s.shape(y, x)}
			if !overlaps(item, placed) {
				s.paste(pix, y, x)
				for _, below := range placed {
					below.hide(item)
				}
				placed = append(placed, item)
				break
			}
		}
	}
	for _, item := range placed {
		mask, err := coco.EncodeMask(item.mask)
		if err != nil {
			return nil, err
		}
		if mask.Area() == 0 {
			continue
		}
		p.Objects = append(p.Objects, Object{
			ID: p.ID*10 + int64(len(p.Objects)), Class: item.class, Box: mask.Box(), Area: float64(mask.Area()),
			Shape: coco.Segmentation{RLE: &coco.CompressedRLE{Height: sceneSide, Width: sceneSide, Counts: mask.Compress()}},
		})
	}
	return pix, nil
}

// ground is a gradient between four random colours in the corners, with noise, in
// integers.
func (s *scenePainter) ground() []uint8 {
	const brightest, noise = 200, 12
	var corners [4][3]int
	for i := range corners {
		for c := range corners[i] {
			corners[i][c] = s.rng.IntN(brightest)
		}
	}
	pix := make([]uint8, 3*sceneSide*sceneSide)
	const last = sceneSide - 1
	for y := range sceneSide {
		for x := range sceneSide {
			for c := range 3 {
				top := corners[0][c]*(last-x) + corners[1][c]*x
				bottom := corners[2][c]*(last-x) + corners[3][c]*x
				v := (top*(last-y) + bottom*y) / (last * last)
				v += s.rng.IntN(noise) - s.rng.IntN(noise)
				pix[3*(y*sceneSide+x)+c] = uint8(min(max(v, 0), 255))
			}
		}
	}
	return pix
}

// shape is the mask of the scaled item at a place.
func (s *scenePainter) shape(y, x int) coco.Mask {
	m := coco.NewMask(sceneSide, sceneSide)
	for j := range s.scaled.H {
		for i := range s.scaled.W {
			if s.scaled.Pix[3*(j*s.scaled.W+i)] > itemLuma {
				m.Pix[(y+j)*sceneSide+x+i] = 1
			}
		}
	}
	return m
}

// paste copies the scaled item's pixels to a place.
func (s *scenePainter) paste(pix []uint8, y, x int) {
	for j := range s.scaled.H {
		for i := range s.scaled.W {
			if from := s.scaled.Pix[3*(j*s.scaled.W+i):]; from[0] > itemLuma {
				copy(pix[3*((y+j)*sceneSide+x+i):][:3], from)
			}
		}
	}
}

// overlaps tells whether an item would share too much with one that is there.
func overlaps(item *sceneItem, placed []*sceneItem) bool {
	for _, other := range placed {
		var both, a, b int
		for i, v := range item.mask.Pix {
			w := other.mask.Pix[i]
			both, a, b = both+int(v&w), a+int(v), b+int(w)
		}
		if float64(both) > mostOverlap*float64(min(a, b)) {
			return true
		}
	}
	return false
}

// hide takes away what another item covers.
func (i *sceneItem) hide(above *sceneItem) {
	for k, v := range above.mask.Pix {
		i.mask.Pix[k] &^= v
	}
}
