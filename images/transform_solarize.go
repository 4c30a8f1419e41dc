package images

import "math/rand/v2"

// Solarize inverts every value that is not below the threshold:
// v becomes 255 - v where v >= threshold.
func Solarize(img *Image, threshold int) {
	var table [256]uint8
	for v := range table {
		table[v] = uint8(v)
		if v >= threshold {
			table[v] = uint8(255 - v)
		}
	}
	img.apply(&table)
}

// SolarizeAdd makes dark values lighter: v becomes v + add, at most 255, where
// v < 128.
func SolarizeAdd(img *Image, add int) {
	table := identity
	for v := range 128 {
		table[v] = clip8(v + add)
	}
	img.apply(&table)
}

// RandomSolarize inverts bright values with probability P.
type RandomSolarize struct {
	P         float64 `json:"p"`
	Threshold int     `json:"threshold"` // 0 to 256; 128 in the recipe
}

// Apply implements Transform.
func (t RandomSolarize) Apply(img *Image, rng *rand.Rand, _ *Workspace) *Image {
	if chance(rng, t.P) {
		Solarize(img, t.Threshold)
	}
	return img
}
