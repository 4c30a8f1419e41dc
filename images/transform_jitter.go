package images

import "math/rand/v2"

// Brightness blends the image with black: v becomes factor*v, cut off at 255.
// Factor 1 changes nothing.
func Brightness(img *Image, factor float64) {
	table := blendTable(0, factor)
	img.apply(&table)
}

// Contrast blends the image with the one grey that is its mean luma. Factor 0
// leaves that grey, factor 1 changes nothing.
func Contrast(img *Image, factor float64) {
	if len(img.Pix) == 0 {
		return
	}
	sum := 0
	for p := img.Pix; len(p) >= 3; p = p[3:] {
		sum += int(luma(p[0], p[1], p[2]))
	}
	mean := float64(sum) / float64(img.W*img.H)
	table := blendTable(int(mean+.5), factor)
	img.apply(&table)
}

// Saturation blends every pixel with its own luma. Factor 0 gives greys, factor
// 1 changes nothing.
func Saturation(img *Image, factor float64) {
	blend := newBlend(factor)
	for p := img.Pix; len(p) >= 3; p = p[3:] {
		l := int(luma(p[0], p[1], p[2]))
		p[0], p[1], p[2] = blend.with(l, p[0]), blend.with(l, p[1]), blend.with(l, p[2])
	}
}

// blend holds factor*d for every difference d of two bytes, from -255.
type blend [511]float32

func newBlend(factor float64) *blend {
	b := new(blend)
	for i := range b {
		b[i] = float32(factor) * float32(i-255)
	}
	return b
}

// with is from + factor*(v-from), towards zero and cut off at the ends, in float32
// like Pillow's Image.blend.
func (b *blend) with(from int, v uint8) uint8 {
	return clip8(int(float32(from) + b[int(v)-from+255]))
}

// blendTable blends one grey with every v.
func blendTable(grey int, factor float64) (table [256]uint8) {
	b := newBlend(factor)
	for v := range table {
		table[v] = b.with(grey, uint8(v))
	}
	return table
}

// ColorJitter changes brightness, contrast, saturation and hue, in random
// order, with probability P. The first three factors are drawn from 1-s to 1+s
// (not below 0), the hue shift from -Hue to Hue of a turn (at most .5); strength
// 0 leaves that change out.
type ColorJitter struct {
	P          float64 `json:"p"`
	Brightness float64 `json:"brightness"`
	Contrast   float64 `json:"contrast"`
	Saturation float64 `json:"saturation"`
	Hue        float64 `json:"hue"`
}

// Apply implements Transform.
func (t ColorJitter) Apply(img *Image, rng *rand.Rand, _ *Workspace) *Image {
	if !chance(rng, t.P) {
		return img
	}
	order := [4]int{0, 1, 2, 3}
	rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	for _, change := range order {
		switch change {
		case 0:
			jitter(img, rng, t.Brightness, Brightness)
		case 1:
			jitter(img, rng, t.Contrast, Contrast)
		case 2:
			jitter(img, rng, t.Saturation, Saturation)
		case 3:
			if t.Hue > 0 {
				Hue(img, uniform(rng, -t.Hue, t.Hue))
			}
		}
	}
	return img
}

func jitter(img *Image, rng *rand.Rand, strength float64, change func(*Image, float64)) {
	if strength > 0 {
		change(img, uniform(rng, max(0, 1-strength), 1+strength))
	}
}
