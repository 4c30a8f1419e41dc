package images

// Invert makes the negative: v becomes 255 - v.
func Invert(img *Image) {
	for i, v := range img.Pix {
		img.Pix[i] = 255 - v
	}
}
