package images

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"
)

// TestHueDivisions: the multiplications that replace divisions in Hue are exact
// for all values that occur.
func TestHueDivisions(t *testing.T) {
	for chroma := uint64(1); chroma < 256; chroma++ {
		for sixths := range 6 * chroma {
			if got, want := 255*sixths*hueReciprocal[chroma]>>40, 255*sixths/(6*chroma); got != want {
				t.Fatalf("255*%d/(6*%d) = %d, want %d", sixths, chroma, got, want)
			}
		}
		for top := chroma; top < 256; top++ {
			if got, want := 255*chroma*valueReciprocal[top]>>40, 255*chroma/top; got != want {
				t.Fatalf("255*%d/%d = %d, want %d", chroma, top, got, want)
			}
		}
	}
	// v*x/d to the nearest, halves up, by the formula of fromHSV; numerators are
	// all that products of three bytes can be.
	for n := 0; n <= 255*255; n++ {
		if got, want := (2*n+255)*reciprocal510>>40, (2*n+255)/510; got != want {
			t.Fatalf("(2*%d+255)/510 = %d, want %d", n, got, want)
		}
	}
	for n := 0; n <= 255*255*255; n++ {
		if got, want := (2*n+255*255)*reciprocal130050>>48, (2*n+255*255)/130050; got != want {
			t.Fatalf("(2*%d+65025)/130050 = %d, want %d", n, got, want)
		}
	}
}

func TestRandomResizedCrop(t *testing.T) {
	crop := RandomResizedCrop{Size: 8, Scale: [2]float64{.1, .6}, Ratio: [2]float64{3. / 4, 4. / 3}}
	rng := rand.New(rand.NewPCG(1, 2))
	for _, size := range [][2]int{{100, 80}, {30, 200}, {200, 30}, {1, 1}, {1, 50}, {7, 5}} {
		var area float64
		const draws = 4000
		for range draws {
			r := crop.draw(rng, size[0], size[1])
			if r.W < 1 || r.H < 1 || r.X < 0 || r.Y < 0 || r.X+r.W > size[0] || r.Y+r.H > size[1] {
				t.Fatalf("%+v of an image of %v", r, size)
			}
			area += float64(r.W*r.H) / float64(size[0]*size[1])
		}
		if mean := area / draws; size[0] == 100 && !(math.Abs(mean-.35) < .01) {
			t.Errorf("the mean area of crops is %g, want .35", mean)
		}
	}
	// What does not fit becomes the largest centred part of an allowed ratio.
	wide := RandomResizedCrop{Size: 8, Scale: [2]float64{1, 1}, Ratio: [2]float64{3. / 4, 4. / 3}}
	if r := wide.draw(rng, 200, 30); r != (Rect{X: 80, Y: 0, W: 40, H: 30}) {
		t.Errorf("a wide image is cut to %+v", r)
	}
	if r := wide.draw(rng, 30, 200); r != (Rect{X: 0, Y: 80, W: 30, H: 40}) {
		t.Errorf("a high image is cut to %+v", r)
	}
}

// TestProbabilities: every transform of a chain acts as often as it should.
func TestProbabilities(t *testing.T) {
	for name, transform := range map[string]Transform{
		"jitter":    ColorJitter{P: .3, Brightness: .4},
		"grayscale": RandomGrayscale{P: .3},
		"blur":      RandomBlur{P: .3, Sigma: [2]float64{1, 2}},
		"solarize":  RandomSolarize{P: .3, Threshold: 128},
		"flip":      RandomFlip{P: .3},
	} {
		rng, work, changed := rand.New(rand.NewPCG(3, 4)), new(Workspace), 0
		const draws = 4000
		src := noise(5, 5)
		for range draws {
			if !bytes.Equal(transform.Apply(src.Clone(), rng, work).Pix, src.Pix) {
				changed++
			}
		}
		if rate := float64(changed) / draws; !(math.Abs(rate-.3) < .03) {
			t.Errorf("%s acts at a rate of %g, want .3", name, rate)
		}
	}
}

// TestJitterStrengths: factors lie within the strengths, the order varies.
func TestJitterStrengths(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	least, most := 255, 0
	for range 3000 {
		img := plain(1, 1, 100, 100, 100)
		ColorJitter{P: 1, Brightness: .4}.Apply(img, rng, nil)
		least, most = min(least, int(img.Pix[0])), max(most, int(img.Pix[0]))
	}
	if least < 60 || least > 62 || most > 140 || most < 138 {
		t.Errorf("100 becomes %d to %d, want 60 to 140", least, most)
	}
}

// TestWorkspaceLeavesNoTrace: a workspace that has served other sizes gives the
// same result as a new one.
func TestWorkspaceLeavesNoTrace(t *testing.T) {
	used := new(Workspace)
	view := ViewConfig{
		Crop:      RandomResizedCrop{Size: 17, Scale: [2]float64{.1, 1}, Ratio: [2]float64{3. / 4, 4. / 3}},
		Jitter:    ColorJitter{P: .8, Brightness: .4, Contrast: .4, Saturation: .2, Hue: .1},
		Grayscale: RandomGrayscale{P: .2},
		Blur:      RandomBlur{P: 1, Sigma: [2]float64{.1, 2}},
		Solarize:  RandomSolarize{P: .2, Threshold: 128},
		Flip:      RandomFlip{P: .5},
	}
	rng := rand.New(rand.NewPCG(7, 8))
	for i := range 60 {
		img := noise(1+rng.IntN(40), 1+rng.IntN(40))
		c := view
		c.Crop.Size, c.Blur.Sigma[1] = 1+rng.IntN(30), 5
		seed := uint64(i)
		before := img.Clone()
		got := View(c.Transforms(), img, rand.New(rand.NewPCG(seed, 0)), used)
		want := View(c.Transforms(), img, rand.New(rand.NewPCG(seed, 0)), new(Workspace))
		if got.W != c.Crop.Size || got.H != c.Crop.Size || !bytes.Equal(got.Pix, want.Pix) {
			t.Fatalf("view %d differs with a used workspace", i)
		}
		if !bytes.Equal(img.Pix, before.Pix) {
			t.Fatal("making a view changes the image")
		}
	}
}

func TestNormalizer(t *testing.T) {
	n, img := NewNormalizer(ImageNetMean, ImageNetStd), NewImage(16, 16)
	for i := range 256 {
		img.Pix[3*i], img.Pix[3*i+1], img.Pix[3*i+2] = uint8(i), uint8(255-i), uint8(i/2)
	}
	planes := make([]float32, 3*256)
	n.Planes(planes, img)
	// T.Normalize(mean, std)(T.ToTensor()(image)) of torchvision, to the last bit.
	for at, want := range map[int]uint32{0: 0xc0078bbd, 200: 0x3fa74d4f, 256 + 200: 0xbf895277, 512 + 200: 0xbd7c019d} {
		if got := math.Float32bits(planes[at]); got != want {
			t.Errorf("value %d is %#x = %.9g, want %#x", at, got, planes[at], want)
		}
	}
	if back := n.Image(planes, 16, 16); !bytes.Equal(back.Pix, img.Pix) {
		t.Error("Image does not undo Planes")
	}
}
