package images

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/stat/distuv"
)

// What one draw of Mixup holds for.
const (
	MixBatch = "batch" // the whole batch
	MixPair  = "pair"  // an image and its partner
	MixElem  = "elem"  // one image
)

// Mixup mixes the images of a batch and their targets: image i of n with image
// n-1-i, either by mixup (arXiv 1710.09412), a weighted sum, or by cutmix (arXiv
// 1905.04899), a box from the other image. It is timm's Mixup. The weight λ of an
// image itself is drawn from Beta(α, α); for cutmix it is then the part of the image
// outside of the box.
type Mixup struct {
	MixupAlpha  float64 `json:"mixup_alpha"`  // α of mixup; 0: cutmix only
	CutmixAlpha float64 `json:"cutmix_alpha"` // α of cutmix; 0: mixup only, unless CutmixMinMax is set
	// CutmixMinMax draws the sides of a box uniformly between these parts of the
	// image's, whatever λ is, and its place so that it lies within; {0, 0} does not.
	// CutmixAlpha does not matter then.
	CutmixMinMax [2]float64 `json:"cutmix_minmax"`

	Prob       float64 `json:"prob"`        // of mixing at all
	SwitchProb float64 `json:"switch_prob"` // of cutmix, where both are possible
	Mode       string  `json:"mode"`        // MixBatch, MixPair or MixElem
}

// Mix is how an image is mixed with its partner.
type Mix struct {
	// Lambda is the weight of the image's own target, from 0 to 1, and in mixup of
	// its pixels.
	Lambda float64
	// Cutmix has the pixels of Box come from the partner.
	Cutmix bool
	Box    Rect
}

// unmixed leaves an image as it is.
var unmixed = Mix{Lambda: 1}

// cutmix takes a box of an h x w image from the partner.
func cutmix(box Rect, h, w int) Mix {
	return Mix{Lambda: 1 - float64(box.W*box.H)/float64(h*w), Cutmix: true, Box: box}
}

// Check says what is wrong with the configuration, for batches of n images of h x w
// pixels.
func (m Mixup) Check(n, h, w int) error {
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("images: mixup: %s", fmt.Sprintf(format, args...))
	}
	alpha := func(a float64) bool { return a == 0 || a >= minAlpha && a <= maxAlpha }
	switch {
	case n%2 != 0:
		return wrong("image i is mixed with image n-1-i of a batch, which must be even, not of n = %d: choose another batch size, or none that leaves an odd rest", n)
	case !alpha(m.MixupAlpha) || !alpha(m.CutmixAlpha):
		return wrong("alpha %g for mixup and %g for cutmix, choose 0 (none) or %g to %g", m.MixupAlpha, m.CutmixAlpha, minAlpha, maxAlpha)
	case m.MixupAlpha == 0 && !m.cuts():
		return wrong("neither mixup nor cutmix has an alpha above 0, choose one, or no mixing")
	case !(m.Prob >= 0 && m.Prob <= 1 && m.SwitchProb >= 0 && m.SwitchProb <= 1):
		return wrong("probability %g of mixing and %g of cutmix, choose 0 to 1", m.Prob, m.SwitchProb)
	case m.Mode != MixBatch && m.Mode != MixPair && m.Mode != MixElem:
		return wrong("mode %q, choose %q, %q or %q", m.Mode, MixBatch, MixPair, MixElem)
	case m.CutmixMinMax == [2]float64{}:
		return nil
	}
	lo, hi := m.CutmixMinMax[0], m.CutmixMinMax[1]
	if !(lo >= 0 && hi <= 1 && partOf(h, lo) < partOf(h, hi) && partOf(w, lo) < partOf(w, hi)) {
		return wrong("boxes with sides from %g to %g of %dx%d pixels, choose two parts from 0 to 1 that differ by a pixel", lo, hi, w, h)
	}
	return nil
}

// The alphas that Beta(α, α) is drawn for.
const minAlpha, maxAlpha = .01, 1000.

// cuts reports whether cutmix is possible.
func (m Mixup) cuts() bool { return m.CutmixAlpha > 0 || m.CutmixMinMax != [2]float64{} }

// Draw draws how each of n images of h x w pixels is mixed.
func (m Mixup) Draw(rng *rand.Rand, n, h, w int) []Mix {
	mixes := make([]Mix, n)
	switch m.Mode {
	case MixBatch:
		mix := m.draw(rng, h, w)
		for i := range mixes {
			mixes[i] = mix
		}
	case MixPair:
		for i := range n / 2 {
			mixes[i] = m.draw(rng, h, w)
			mixes[n-1-i] = mixes[i]
		}
	case MixElem:
		for i := range mixes {
			mixes[i] = m.draw(rng, h, w)
		}
	}
	return mixes
}

func (m Mixup) draw(rng *rand.Rand, h, w int) Mix {
	if !chance(rng, m.Prob) {
		return unmixed
	}
	cuts := m.cuts() && (m.MixupAlpha == 0 || chance(rng, m.SwitchProb))
	switch {
	case !cuts:
		return Mix{Lambda: beta(rng, m.MixupAlpha)}
	case m.CutmixMinMax != [2]float64{}:
		return cutmix(m.boxBetween(rng, h, w), h, w)
	}
	return cutmix(boxOf(rng, beta(rng, m.CutmixAlpha), h, w), h, w)
}

// beta draws from Beta(α, α).
func beta(rng *rand.Rand, alpha float64) float64 {
	v := distuv.Beta{Alpha: alpha, Beta: alpha, Src: rng}.Rand()
	if math.IsNaN(v) { // both of the gamma variates that it is made of are 0
		return float64(rng.IntN(2))
	}
	return v
}

// boxOf draws a box with a part 1-lambda of the area of an h x w image, rounded
// down, about a point anywhere in the image, and cuts off what is outside. Of an odd
// side a pixel is lost, as in the published code.
func boxOf(rng *rand.Rand, lambda float64, h, w int) Rect {
	part := math.Sqrt(1 - lambda)
	span := func(side int) (first, n int) {
		half := partOf(side, part) / 2
		middle := rng.IntN(side)
		first = max(middle-half, 0)
		return first, min(middle+half, side) - first
	}
	var box Rect
	box.Y, box.H = span(h)
	box.X, box.W = span(w)
	return box
}

// boxBetween draws a box as CutmixMinMax says.
func (m Mixup) boxBetween(rng *rand.Rand, h, w int) Rect {
	span := func(side int) (first, n int) {
		lo, hi := partOf(side, m.CutmixMinMax[0]), partOf(side, m.CutmixMinMax[1])
		n = lo + rng.IntN(hi-lo)
		return rng.IntN(side - n), n
	}
	var box Rect
	box.Y, box.H = span(h)
	box.X, box.W = span(w)
	return box
}

// partOf is a part of a side, in whole pixels.
func partOf(side int, part float64) int { return int(float64(side) * part) }

// MixImages mixes a batch in place, float32 [n, c, h, w] with n = len(mixes), which
// is even: image i with what image n-1-i was before.
func MixImages(batch []float32, c, h, w int, mixes []Mix) {
	n, image := len(mixes), c*h*w
	row := make([]float32, 2*w)
	a, b := row[:w], row[w:]
	for i := range n / 2 {
		first, second := mixes[i], mixes[n-1-i]
		if first == unmixed && second == unmixed {
			continue
		}
		for k := range c * h {
			x, y := batch[i*image+k*w:][:w], batch[(n-1-i)*image+k*w:][:w]
			copy(a, x)
			copy(b, y)
			first.row(x, b, k%h)
			second.row(y, a, k%h)
		}
	}
}

// row mixes row y of a channel with the partner's.
func (m Mix) row(own, partner []float32, y int) {
	if m.Cutmix {
		if y >= m.Box.Y && y < m.Box.Y+m.Box.H {
			copy(own[m.Box.X:m.Box.X+m.Box.W], partner[m.Box.X:])
		}
		return
	}
	weight, rest := float32(m.Lambda), float32(1-m.Lambda)
	for i, v := range partner {
		own[i] = float32(own[i]*weight) + float32(v*rest)
	}
}

// MixTargets writes the soft targets of a batch, float32 [n, classes] with n =
// len(labels): λ of the image's own class and 1-λ of its partner's, each with label
// smoothing, that is 1-smoothing more for the class than the smoothing/classes that
// all have. mixes is nil where nothing is mixed.
func MixTargets(dst []float32, labels []int, classes int, smoothing float64, mixes []Mix) {
	off := float32(smoothing / float64(classes))
	on := float32(1 - smoothing + smoothing/float64(classes))
	for i, label := range labels {
		lambda, partner := float32(1), label
		if mixes != nil {
			lambda, partner = float32(mixes[i].Lambda), labels[len(labels)-1-i]
		}
		row := dst[i*classes:][:classes]
		for class := range row {
			own, other := off, off
			if class == label {
				own = on
			}
			if class == partner {
				other = on
			}
			row[class] = float32(own*lambda) + float32(other*(1-lambda))
		}
	}
}
