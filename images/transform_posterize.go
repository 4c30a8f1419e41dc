package images

// Posterize keeps the highest bits of every value, all of them for 8 and more, none
// (black) for 0 and fewer.
func Posterize(img *Image, bits int) {
	mask := uint8(0xff << (8 - min(max(bits, 0), 8)))
	for i := range img.Pix {
		img.Pix[i] &= mask
	}
}
