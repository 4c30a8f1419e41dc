package jpeg

// Model is what the channels of a picture mean.
type Model int

// The colour models of JPEG files.
const (
	Grey Model = iota
	YCbCr
	RGB
	CMYK
	YCCK // CMYK of which the first three channels are told as YCbCr
)

// Planar is a decoded picture, a plane a channel.
type Planar struct {
	W, H     int
	Model    Model
	Channels []Plane
}

// Plane is a channel: sample (x, y) is Pix[y*Stride+x], and covers Dx columns and Dy
// rows of the picture. W columns and H rows count.
type Plane struct {
	Pix    []uint8
	Stride int
	W, H   int
	Dx, Dy int
}

func (d *general) planar() *Planar {
	p := &Planar{W: d.w, H: d.h, Model: d.model()}
	for i := range d.channels {
		c := &d.channels[i]
		p.Channels = append(p.Channels, Plane{
			Pix: c.pix, Stride: 8 * c.blocksX, W: c.w, H: c.hgt, Dx: d.hMax / c.h, Dy: d.vMax / c.v,
		})
	}
	return p
}

// model is what the channels mean by the rules of libjpeg: JFIF's segment means YCbCr,
// Adobe's says what it means, and without either RGB is called by its letters.
func (d *general) model() Model {
	switch {
	case len(d.channels) == 1:
		return Grey
	case len(d.channels) == 4 && d.adobe == 2:
		return YCCK
	case len(d.channels) == 4:
		return CMYK
	case d.jfif:
		return YCbCr
	case d.adobe == 0:
		return RGB
	case d.adobe < 0 && d.channels[0].id == 'R' && d.channels[1].id == 'G' && d.channels[2].id == 'B':
		return RGB
	}
	return YCbCr
}
