package images

// Sharpness blends a smoothed copy of src with src, into dst: factor 0 is the copy,
// 1 is src, more is sharper. dst and src must not be the same image.
//
// This is Pillow's ImageEnhance.Sharpness. The copy has the mean of the 3x3 pixels
// around each, the middle one counted five times; the border is not smoothed, nor
// are images of fewer than three rows or columns.
func Sharpness(dst, src *Image, factor float64) {
	dst.Reset(src.W, src.H)
	copy(dst.Pix, src.Pix)
	blend := newBlend(factor)
	for y := 1; y < src.H-1; y++ {
		above, here, below := src.row(y-1), src.row(y), src.row(y+1)
		out := dst.row(y)
		for i := 3; i < len(here)-3; i++ {
			sum := int(above[i-3]) + int(above[i]) + int(above[i+3]) +
				int(here[i-3]) + 5*int(here[i]) + int(here[i+3]) +
				int(below[i-3]) + int(below[i]) + int(below[i+3])
			smooth := (2*sum + 13) / 26 // sum/13 to the nearest; there are no ties
			out[i] = blend.with(smooth, here[i])
		}
	}
}
