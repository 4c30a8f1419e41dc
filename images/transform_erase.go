package images

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// What RandomErasing writes.
const (
	ErasePixel = "pixel" // every value of its own from N(0, 1)
	EraseRand  = "rand"  // one value from N(0, 1) for every channel
	EraseConst = "const" // 0, the mean colour
)

// RandomErasing overwrites boxes of a normalised image with probability P (arXiv
// 1708.04896, in timm's variant). Their number is uniform from 1 to Count. A box has
// an area of 1/50 to 1/3 of the image, divided by the number of boxes, and a
// height/width ratio of 0.3 to 1/0.3, log-uniform. A box that ten draws do not fit
// into the image is left out.
type RandomErasing struct {
	P     float64 `json:"p"`
	Mode  string  `json:"mode"`  // ErasePixel, EraseRand or EraseConst
	Count int     `json:"count"` // boxes, at most
}

// Check says what is wrong with the configuration.
func (t RandomErasing) Check() error {
	switch {
	case !(t.P >= 0 && t.P <= 1):
		return fmt.Errorf("images: random erasing with probability %g, choose 0 to 1", t.P)
	case t.P > 0 && t.Mode != ErasePixel && t.Mode != EraseRand && t.Mode != EraseConst:
		return fmt.Errorf("images: random erasing in mode %q, choose %q, %q or %q", t.Mode, ErasePixel, EraseRand, EraseConst)
	case t.P > 0 && (t.Count < 1 || t.Count > 1000):
		return fmt.Errorf("images: random erasing of up to %d boxes, choose 1 to 1000", t.Count)
	}
	return nil
}

// Apply erases from planes, float32 [3, h, w].
func (t RandomErasing) Apply(planes []float32, h, w int, rng *rand.Rand) {
	if !chance(rng, t.P) {
		return
	}
	boxes := 1 + rng.IntN(t.Count)
	for range boxes {
		box, ok := drawErased(rng, h, w, boxes)
		if !ok {
			continue
		}
		value := func(int) float32 { return 0 }
		switch t.Mode {
		case ErasePixel:
			value = func(int) float32 { return float32(rng.NormFloat64()) }
		case EraseRand:
			color := [3]float32{float32(rng.NormFloat64()), float32(rng.NormFloat64()), float32(rng.NormFloat64())}
			value = func(channel int) float32 { return color[channel] }
		}
		erase(planes, h, w, box, value)
	}
}

// drawErased chooses one of several boxes.
func drawErased(rng *rand.Rand, h, w, boxes int) (box Rect, ok bool) {
	const leastArea, mostArea, leastRatio = .02, 1. / 3, .3
	bound := math.Log(leastRatio)
	for range 10 {
		area := uniform(rng, leastArea, mostArea) * float64(h*w) / float64(boxes)
		ratio := math.Exp(uniform(rng, bound, -bound))
		bh := int(math.RoundToEven(math.Sqrt(area * ratio)))
		bw := int(math.RoundToEven(math.Sqrt(area / ratio)))
		if bh < h && bw < w {
			return Rect{Y: rng.IntN(h - bh + 1), X: rng.IntN(w - bw + 1), W: bw, H: bh}, true
		}
	}
	return Rect{}, false
}

// erase overwrites a box of planes, float32 [3, h, w], in that order.
func erase(planes []float32, h, w int, box Rect, value func(channel int) float32) {
	for channel := range 3 {
		for y := box.Y; y < box.Y+box.H; y++ {
			row := planes[(channel*h+y)*w+box.X:][:box.W]
			for i := range row {
				row[i] = value(channel)
			}
		}
	}
}
