package images

// Hue turns the colour circle by shift, a part of a full turn from -.5 to .5.
//
// As in torchvision on Pillow images, the image goes through an 8-bit HSV
// (colour circle of 255 steps) and back, which by itself moves colours a
// little; all of it is integer arithmetic here.
func Hue(img *Image, shift float64) {
	turn := uint8(int(shift * 255)) // towards zero, then modulo 256
	for p := img.Pix; len(p) >= 3; p = p[3:] {
		r, g, b := p[0], p[1], p[2]
		top, low := max(r, g, b), min(r, g, b)
		chroma := int(top) - int(low)
		if chroma == 0 {
			continue // grey has no hue
		}
		// hue*6 in units of 1/chroma, not negative
		var sixths int
		switch top {
		case r:
			sixths = int(g) - int(b)
			if sixths < 0 {
				sixths += 6 * chroma
			}
		case g:
			sixths = 2*chroma + int(b) - int(r)
		default:
			sixths = 4*chroma + int(r) - int(g)
		}
		hue := uint8(uint64(255*sixths) * hueReciprocal[chroma] >> 40)
		saturation := int(uint64(255*chroma) * valueReciprocal[top] >> 40)
		p[0], p[1], p[2] = fromHSV(hue+turn, saturation, int(top))
	}
}

// The divisions by 6*chroma and by the value are multiplications by these,
// rounded up, exact for the sizes that occur (a test tries every one).
var hueReciprocal, valueReciprocal = func() (h, v [256]uint64) {
	for i := uint64(1); i < 256; i++ {
		h[i] = (1<<40)/(6*i) + 1
		v[i] = (1<<40)/i + 1
	}
	return h, v
}()

// fromHSV is the inverse: value v = 0..255, saturation s = 0..255, and a hue of
// 255 steps a turn.
func fromHSV(hue uint8, s, v int) (r, g, b uint8) {
	sector := int(hueSector[hue])
	fraction := int(hueFraction[hue]) // in 1/255
	top := uint8(v)
	low := uint8((v*(255-s)*2 + 255) * reciprocal510 >> 40)
	falling := uint8((v*(255*255-s*fraction)*2 + 255*255) * reciprocal130050 >> 48)
	rising := uint8((v*(255*255-s*(255-fraction))*2 + 255*255) * reciprocal130050 >> 48)
	switch sector {
	case 0:
		return top, rising, low
	case 1:
		return falling, top, low
	case 2:
		return low, top, rising
	case 3:
		return low, falling, top
	case 4:
		return rising, low, top
	}
	return top, low, falling
}

const (
	reciprocal510    = (1<<40)/510 + 1
	reciprocal130050 = (1<<48)/130050 + 1
)

// hueSector is the sixth of the circle a hue lies in, hueFraction how far in it,
// in 1/255.
var hueSector, hueFraction = func() (sector, fraction [256]uint8) {
	for h := range 256 {
		sector[h] = uint8(6 * h / 255 % 6)
		fraction[h] = uint8(6 * h % 255)
	}
	return sector, fraction
}()
