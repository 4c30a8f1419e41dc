package images

// AutoContrast stretches every channel so that its lowest value becomes 0 and its
// highest 255. A channel of one value stays as it is. It is Pillow's
// ImageOps.autocontrast.
func AutoContrast(img *Image) {
	img.applyByChannel(func(counts *[256]int) (table [256]uint8) {
		lo, hi := 0, 255
		for lo < 255 && counts[lo] == 0 {
			lo++
		}
		for hi > 0 && counts[hi] == 0 {
			hi--
		}
		if hi <= lo {
			return identity
		}
		scale := 255 / float64(hi-lo)
		offset := float64(-lo) * scale
		for v := range table {
			table[v] = clip8(int(float64(float64(v)*scale) + offset))
		}
		return table
	})
}

// identity is the table that changes nothing.
var identity = func() (table [256]uint8) {
	for v := range table {
		table[v] = uint8(v)
	}
	return table
}()

// applyByChannel replaces the bytes of each channel by a table that follows from how
// often the channel has each value.
func (m *Image) applyByChannel(tableOf func(counts *[256]int) [256]uint8) {
	for channel := range 3 {
		var counts [256]int
		for i := channel; i < len(m.Pix); i += 3 {
			counts[m.Pix[i]]++
		}
		table := tableOf(&counts)
		for i := channel; i < len(m.Pix); i += 3 {
			m.Pix[i] = table[m.Pix[i]]
		}
	}
}
