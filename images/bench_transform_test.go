package images

import (
	"image"
	"math/rand/v2"
	"testing"

	"golang.org/x/image/draw"
)

// noise is a picture that no table or branch predictor can learn.
func noise(w, h int) *Image {
	img, rng := NewImage(w, h), rand.New(rand.NewPCG(1, 2))
	for i := range img.Pix {
		img.Pix[i] = uint8(rng.Uint32())
	}
	return img
}

// BenchmarkResize compares the resize with golang.org/x/image/draw's Catmull-Rom
// scaler, at the sizes that crops of a 640x480 photograph have.
func BenchmarkResize(b *testing.B) {
	src := noise(640, 480)
	crop := Rect{X: 100, Y: 60, W: 420, H: 340}
	b.Run("pmx", func(b *testing.B) {
		dst, work := new(Image), new(Workspace)
		for b.Loop() {
			ResizeBicubic(dst, src, crop, 224, 224, work)
		}
	})
	b.Run("ximage", func(b *testing.B) {
		rgba, dst := image.NewRGBA(src.Bounds()), image.NewRGBA(image.Rect(0, 0, 224, 224))
		draw.Draw(rgba, rgba.Rect, src, image.Point{}, draw.Src)
		for b.Loop() {
			draw.CatmullRom.Scale(dst, dst.Rect, rgba, image.Rect(crop.X, crop.Y, crop.X+crop.W, crop.Y+crop.H), draw.Src, nil)
		}
	})
}

func BenchmarkTransform(b *testing.B) {
	src := noise(224, 224)
	for _, bench := range []struct {
		name  string
		apply func(img *Image, work *Workspace)
	}{
		{"Brightness", func(img *Image, _ *Workspace) { Brightness(img, 1.1) }},
		{"Contrast", func(img *Image, _ *Workspace) { Contrast(img, 1.1) }},
		{"Saturation", func(img *Image, _ *Workspace) { Saturation(img, 1.1) }},
		{"Hue", func(img *Image, _ *Workspace) { Hue(img, .03) }},
		{"Grayscale", func(img *Image, _ *Workspace) { Grayscale(img) }},
		{"Solarize", func(img *Image, _ *Workspace) { Solarize(img, 128) }},
		{"Flip", func(img *Image, _ *Workspace) { FlipHorizontal(img) }},
		{"Blur.5", func(img *Image, work *Workspace) { GaussianBlur(img, .5, work) }},
		{"Blur1.5", func(img *Image, work *Workspace) { GaussianBlur(img, 1.5, work) }},
		{"AutoContrast", func(img *Image, _ *Workspace) { AutoContrast(img) }},
		{"Equalize", func(img *Image, _ *Workspace) { Equalize(img) }},
		{"Sharpness", func(img *Image, work *Workspace) { Sharpness(work.another(img), img, 1.9) }},
		{"Rotate", func(img *Image, work *Workspace) {
			Warp(work.another(img), img, Rotation(27, 224, 224), Bicubic, [3]uint8{})
		}},
		{"ShearX", func(img *Image, work *Workspace) {
			Warp(work.another(img), img, Affine{1, .27, 0, 0, 1, 0}, Bicubic, [3]uint8{})
		}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			img, work := src.Clone(), new(Workspace)
			for b.Loop() {
				copy(img.Pix, src.Pix) // 20 us, so that every pass sees the same picture
				bench.apply(img, work)
			}
		})
	}
	b.Run("Normalize", func(b *testing.B) {
		n, dst := NewNormalizer(ImageNetMean, ImageNetStd), make([]float32, len(src.Pix))
		for b.Loop() {
			n.Planes(dst, src)
		}
	})
}
