package images

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pmx/internal/recording"
)

// TestErasingRecorded: with timm's boxes and noise, timm's image.
func TestErasingRecorded(t *testing.T) {
	f := recording.Open(t, "supervised/transforms.safetensors")
	var cases []struct {
		Name, Mode string
		Boxes      [][4]int // top, left, height, width
	}
	f.Meta(t, "erasing", &cases)
	modes := map[string]bool{}
	for _, c := range cases {
		modes[c.Mode] = true
		planes, shape := f.Floats(t, c.Name+"/input"), f.Shape(t, c.Name+"/input")
		for i, b := range c.Boxes {
			noise := f.Floats(t, c.Name+"/noise"+string(rune('0'+i)))
			value := func(channel int) float32 { return noise[channel] }
			if c.Mode == ErasePixel {
				next := 0
				value = func(int) float32 { next++; return noise[next-1] }
			}
			erase(planes, shape[1], shape[2], Rect{Y: b[0], X: b[1], H: b[2], W: b[3]}, value)
		}
		if !slices.Equal(planes, f.Floats(t, c.Name+"/output")) {
			t.Errorf("%s in mode %s differs", c.Name, c.Mode)
		}
	}
	if len(modes) != 3 {
		t.Errorf("cases of the modes %v, want all three", modes)
	}
}

// TestErasingDraws: how often, how many values, of what kind. The largest box that
// may be drawn has a third of the area.
func TestErasingDraws(t *testing.T) {
	const h, w, draws = 40, 30, 4000
	for _, mode := range []string{ErasePixel, EraseRand, EraseConst} {
		e := RandomErasing{P: .25, Mode: mode, Count: 1}
		if err := e.Check(); err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(4, 4))
		planes, erased := make([]float32, 3*h*w), 0
		var area, sum, squares float64
		for range draws {
			const untouched = 100
			for i := range planes {
				planes[i] = untouched
			}
			e.Apply(planes, h, w, rng)
			values := map[float32]bool{}
			n := 0
			for _, v := range planes[h*w : 2*h*w] {
				if v != untouched {
					values[v], n = true, n+1
					sum, squares = sum+float64(v), squares+float64(v)*float64(v)
				}
			}
			if n == 0 {
				continue
			}
			erased++
			area += float64(n)
			if part := float64(n) / (h * w); part < .01 || part > .36 {
				t.Errorf("%s: %d of %d pixels are erased", mode, n, h*w)
			}
			if one := mode != ErasePixel; one != (len(values) == 1) {
				t.Errorf("%s: %d pixels with %d values", mode, n, len(values))
			}
			if mode == EraseConst && !values[0] {
				t.Errorf("const writes %v, not 0", values)
			}
		}
		if rate := float64(erased) / draws; !(math.Abs(rate-.25) < 5*math.Sqrt(.25*.75/draws)) {
			t.Errorf("%s erases at a rate of %g, want .25", mode, rate)
		}
		if mean, variance := sum/area, squares/area; mode == ErasePixel && !(math.Abs(mean) < .02 && math.Abs(variance-1) < .02) {
			t.Errorf("the noise has mean %g and variance %g, want 0 and 1", mean, variance)
		}
	}
}

// TestErasingBoxes: the part that boxes have of the image is uniform from 1/50 to 1/3
// and the logarithm of their ratio uniform about 0, where the image is large enough
// to take all that is drawn.
func TestErasingBoxes(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 5))
	const side, draws = 1000, 20000
	for boxes := 1; boxes <= 3; boxes += 2 {
		var part, ratio, x, y float64
		for range draws {
			b, ok := drawErased(rng, side, side, boxes)
			if !ok || b.X < 0 || b.Y < 0 || b.X+b.W > side || b.Y+b.H > side || b.W >= side || b.H >= side {
				t.Fatalf("box %+v, %t", b, ok)
			}
			part += float64(b.W*b.H) / (side * side)
			ratio += math.Log(float64(b.H) / float64(b.W))
			x += float64(b.X) / float64(side-b.W)
			y += float64(b.Y) / float64(side-b.H)
		}
		tolerance := 5 / math.Sqrt(draws)
		if mean, want := part/draws, (.02+1./3)/2/float64(boxes); !(math.Abs(mean-want) < .1*tolerance) {
			t.Errorf("%d boxes: a mean area of %g, want %g", boxes, mean, want)
		}
		if mean := ratio / draws; !(math.Abs(mean) < .7*tolerance) {
			t.Errorf("%d boxes: the mean of the ratio's logarithm is %g, want 0", boxes, mean)
		}
		if !(math.Abs(x/draws-.5) < .3*tolerance && math.Abs(y/draws-.5) < .3*tolerance) {
			t.Errorf("%d boxes: mean place %g, %g, want the middle", boxes, x/draws, y/draws)
		}
	}
	// No box is as high or as wide as the image, so that one pixel is never erased.
	planes := []float32{1, 2, 3}
	for range 1000 {
		RandomErasing{P: 1, Mode: EraseConst, Count: 1}.Apply(planes, 1, 1, rng)
	}
	if !slices.Equal(planes, []float32{1, 2, 3}) {
		t.Errorf("an image of one pixel becomes %v", planes)
	}
}

// TestErasingCounts: the number of boxes is uniform from 1 to Count. Each has a colour
// of its own, so that they can be counted where none covers another whole.
func TestErasingCounts(t *testing.T) {
	const side, draws = 60, 3000
	rng := rand.New(rand.NewPCG(4, 6))
	e := RandomErasing{P: 1, Mode: EraseRand, Count: 3}
	counts := map[int]int{}
	for range draws {
		planes := make([]float32, 3*side*side)
		e.Apply(planes, side, side, rng)
		colors := map[float32]bool{}
		for _, v := range planes[:side*side] {
			if v != 0 {
				colors[v] = true
			}
		}
		counts[len(colors)]++
	}
	for n := 1; n <= 3; n++ {
		if rate := float64(counts[n]) / draws; !(math.Abs(rate-1./3) < .06) {
			t.Errorf("%d boxes at a rate of %g, want a third except for those that are covered", n, rate)
		}
	}
	if counts[0] > 0 || len(counts) != 3 {
		t.Errorf("boxes: %v, want 1 to 3", counts)
	}
}

func TestErasingErrors(t *testing.T) {
	for want, e := range map[string]RandomErasing{
		"probability 1.5": {P: 1.5, Mode: EraseRand, Count: 1},
		`mode "noise"`:    {P: .5, Mode: "noise", Count: 1},
		"up to 0 boxes":   {P: .5, Mode: EraseRand},
	} {
		if err := e.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	if err := (RandomErasing{}).Check(); err != nil {
		t.Errorf("no erasing: %v", err)
	}
}
