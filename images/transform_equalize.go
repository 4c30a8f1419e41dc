package images

// Equalize spreads the values of every channel so that they are about equally
// frequent. It is Pillow's ImageOps.equalize: a step is the number of pixels that
// share a value afterwards, and a channel too small or too plain for one stays as
// it is.
func Equalize(img *Image) {
	img.applyByChannel(func(counts *[256]int) (table [256]uint8) {
		sum, last := 0, 0 // of the highest value present
		for _, n := range counts {
			if sum += n; n > 0 {
				last = n
			}
		}
		step := (sum - last) / 255
		if step == 0 {
			return identity
		}
		below := step / 2
		for v, n := range counts {
			table[v] = clip8(below / step)
			below += n
		}
		return table
	})
}
