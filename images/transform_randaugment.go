package images

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
)

// RandAugment applies Layers of 15 operators, each drawn uniformly and applied with
// probability P, at a level that is drawn around Magnitude. It is timm's variant of
// arXiv 1909.13719 (0.6.11; torchvision's transform of that name is another): the
// same distributions, and the bytes that timm makes with Pillow.
//
//	operator       argument for l = level/10         Increasing
//	AutoContrast   none
//	Equalize       none
//	Invert         none
//	Rotate         ±30·l degrees
//	Posterize      ⌊4·l⌋ bits are kept               4 - ⌊4·l⌋
//	Solarize       threshold ⌊256·l⌋                 256 - ⌊256·l⌋
//	SolarizeAdd    ⌊110·l⌋, at most 128
//	Color          factor 0.1 + 1.8·l                max(0.1, 1 ± 0.9·l)
//	Contrast       likewise                          likewise
//	Brightness     likewise                          likewise
//	Sharpness      likewise                          likewise
//	ShearX         ±0.3·l, from the upper left corner
//	ShearY         likewise
//	TranslateXRel  ±0.45·l of the width
//	TranslateYRel  ±0.45·l of the height
type RandAugment struct {
	Layers     int     // operators drawn for an image, with replacement
	Magnitude  float64 // mean level
	Std        float64 // standard deviation of the level
	Uniform    bool    // the level is uniform from 0 to Magnitude instead
	Max        float64 // levels are clipped to 0 ... Max; above 10 is beyond the table's range
	P          float64 // probability of each operator drawn
	Increasing bool    // operators change an image the more the higher the level

	Filters []Filter // of rotation, shear and translation; of several, one is drawn each time
	Fill    [3]uint8 // what comes in from outside of the image
}

// ParseRandAugment reads a specification such as rand-m9-mstd0.5-inc1, in timm's
// words: after "rand", in any order,
//
//	m9       Magnitude, an integer (10)
//	n2       Layers (2)
//	mstd0.5  Std (0); above 100 is Uniform
//	mmax10   Max, an integer (10)
//	p0.5     P (0.5)
//	inc1     Increasing; any number, even 0, switches it on, as in timm
//
// The Filter is bicubic, and Fill is black until it is set, as by MeanColor.
func ParseRandAugment(spec string) (RandAugment, error) {
	t := RandAugment{Layers: 2, Magnitude: 10, Max: 10, P: .5, Filters: []Filter{Bicubic}}
	wrong := func(format string, args ...any) (RandAugment, error) {
		return RandAugment{}, fmt.Errorf("images: RandAugment %q: %s", spec, fmt.Sprintf(format, args...))
	}
	sections := strings.Split(spec, "-")
	if sections[0] != "rand" {
		return wrong(`it must begin with "rand", as rand-m9-mstd0.5-inc1`)
	}
	for _, section := range sections[1:] {
		digits := strings.IndexAny(section, "0123456789")
		if digits < 0 {
			return wrong("%q has no number, write as m9", section)
		}
		key, text := section[:digits], section[digits:]
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return wrong("%q is not a number", text)
		}
		if integer := key != "mstd" && key != "p"; integer && value != math.Trunc(value) {
			return wrong("%s takes an integer, not %s", key, text)
		}
		switch key {
		case "m":
			t.Magnitude = value
		case "n":
			t.Layers = int(min(value, 1e6))
		case "mstd":
			t.Std, t.Uniform = value, false
			if value > 100 {
				t.Std, t.Uniform = 0, true
			}
		case "mmax":
			t.Max = value
		case "p":
			t.P = value
		case "inc":
			t.Increasing = true
		default:
			return wrong("there is no %q, choose of m, n, mstd, mmax, p, inc", key)
		}
	}
	if fault := t.fault(); fault != "" {
		return wrong("%s", fault)
	}
	return t, nil
}

// Check says what is wrong with the configuration.
func (t RandAugment) Check() error { return faultError(t.fault()) }

// fault is what is wrong with the configuration, "" if nothing is.
func (t RandAugment) fault() string {
	switch {
	case t.Layers < 1 || t.Layers > 100:
		return fmt.Sprintf("%d operators for an image, choose 1 to 100", t.Layers)
	case !(t.Max > 0 && t.Max <= 100):
		return fmt.Sprintf("levels of RandAugment up to %g, choose above 0 to 100", t.Max)
	case !(t.Magnitude >= 0 && t.Magnitude <= 100):
		return fmt.Sprintf("magnitude %g of RandAugment, choose 0 to 100", t.Magnitude)
	case !(t.Std >= 0 && t.Std <= 100):
		return fmt.Sprintf("standard deviation %g of RandAugment's level, choose 0 to 100", t.Std)
	case !(t.P >= 0 && t.P <= 1):
		return fmt.Sprintf("probability %g of RandAugment's operators, choose 0 to 1", t.P)
	case len(t.Filters) == 0:
		return "RandAugment without a filter, choose bicubic"
	}
	return ""
}

// MeanColor is the colour that a normalisation with that mean makes 0, rounded: what
// timm fills with. For ImageNetMean it is 124, 116, 104.
func MeanColor(mean [3]float64) (color [3]uint8) {
	for c, v := range mean {
		color[c] = clip8(int(math.RoundToEven(255 * v)))
	}
	return color
}

// Apply implements Transform. The result may belong to work.
func (t RandAugment) Apply(img *Image, rng *rand.Rand, work *Workspace) *Image {
	for range t.Layers {
		d := t.draw(rng)
		if !d.applied {
			continue
		}
		a := augmenter{work: work, filter: d.filter, fill: t.Fill}
		img = d.operator.change(a, img, d.operator.argument(t.Increasing)(d.level/10, d.sign))
	}
	return img
}

// drawn is an operator with all that is random about it.
type drawn struct {
	operator *operator
	applied  bool // if not, the rest is zero
	level    float64
	sign     float64
	filter   Filter
}

func (t RandAugment) draw(rng *rand.Rand) drawn {
	d := drawn{operator: &operators[rng.IntN(len(operators))]}
	if d.applied = chance(rng, t.P); !d.applied {
		return d
	}
	d.level, d.sign, d.filter = t.drawLevel(rng), 1, t.Filters[0]
	if chance(rng, .5) {
		d.sign = -1
	}
	if len(t.Filters) > 1 {
		d.filter = t.Filters[rng.IntN(len(t.Filters))]
	}
	return d
}

func (t RandAugment) drawLevel(rng *rand.Rand) float64 {
	level := t.Magnitude
	switch {
	case t.Uniform:
		level = uniform(rng, 0, t.Magnitude)
	case t.Std > 0:
		level += t.Std * rng.NormFloat64()
	}
	return min(max(level, 0), t.Max)
}

// operator is a way of changing an image, by an amount that follows from a level
// (l = level/10) and a sign.
type operator struct {
	name       string
	amount     func(l, sign float64) float64
	increasing func(l, sign float64) float64 // of the increasing set; nil: the same
	change     func(a augmenter, img *Image, amount float64) *Image
}

// argument is how an operator's amount follows from its level.
func (o *operator) argument(increasing bool) func(l, sign float64) float64 {
	if increasing && o.increasing != nil {
		return o.increasing
	}
	return o.amount
}

// augmenter is what operators need beside the image.
type augmenter struct {
	work   *Workspace
	filter Filter
	fill   [3]uint8
}

func (a augmenter) warp(img *Image, m Affine) *Image {
	dst := a.work.another(img)
	Warp(dst, img, m, a.filter, a.fill)
	return dst
}

// The operators in timm's order.
var operators = [...]operator{
	{"AutoContrast", nothing, nil, inPlace(func(img *Image, _ float64) { AutoContrast(img) })},
	{"Equalize", nothing, nil, inPlace(func(img *Image, _ float64) { Equalize(img) })},
	{"Invert", nothing, nil, inPlace(func(img *Image, _ float64) { Invert(img) })},
	{"Rotate", signed(30), nil, func(a augmenter, img *Image, degrees float64) *Image {
		return a.warp(img, Rotation(degrees, img.W, img.H))
	}},
	{"Posterize", whole(4), from(4, whole(4)), inPlace(func(img *Image, bits float64) { Posterize(img, int(bits)) })},
	{"Solarize", whole(256), from(256, whole(256)), inPlace(func(img *Image, threshold float64) { Solarize(img, int(threshold)) })},
	{"SolarizeAdd", func(l, _ float64) float64 { return min(128, math.Trunc(l*110)) }, nil,
		inPlace(func(img *Image, add float64) { SolarizeAdd(img, int(add)) })},
	{"Color", enhance, enhanceIncreasing, inPlace(Saturation)},
	{"Contrast", enhance, enhanceIncreasing, inPlace(Contrast)},
	{"Brightness", enhance, enhanceIncreasing, inPlace(Brightness)},
	{"Sharpness", enhance, enhanceIncreasing, func(a augmenter, img *Image, factor float64) *Image {
		dst := a.work.another(img)
		Sharpness(dst, img, factor)
		return dst
	}},
	{"ShearX", signed(.3), nil, func(a augmenter, img *Image, shear float64) *Image {
		return a.warp(img, Affine{1, shear, 0, 0, 1, 0})
	}},
	{"ShearY", signed(.3), nil, func(a augmenter, img *Image, shear float64) *Image {
		return a.warp(img, Affine{1, 0, 0, shear, 1, 0})
	}},
	{"TranslateXRel", signed(.45), nil, func(a augmenter, img *Image, part float64) *Image {
		return a.warp(img, Affine{1, 0, part * float64(img.W), 0, 1, 0})
	}},
	{"TranslateYRel", signed(.45), nil, func(a augmenter, img *Image, part float64) *Image {
		return a.warp(img, Affine{1, 0, 0, 0, 1, part * float64(img.H)})
	}},
}

func nothing(_, _ float64) float64 { return 0 }

func signed(most float64) func(l, sign float64) float64 {
	return func(l, sign float64) float64 { return sign * (l * most) }
}

func whole(most float64) func(l, sign float64) float64 {
	return func(l, _ float64) float64 { return math.Trunc(l * most) }
}

func from(top float64, amount func(l, sign float64) float64) func(l, sign float64) float64 {
	return func(l, sign float64) float64 { return top - amount(l, sign) }
}

func enhance(l, _ float64) float64 { return float64(l*1.8) + .1 }

func enhanceIncreasing(l, sign float64) float64 { return max(.1, 1+sign*(l*.9)) }

func inPlace(change func(img *Image, amount float64)) func(augmenter, *Image, float64) *Image {
	return func(_ augmenter, img *Image, amount float64) *Image {
		change(img, amount)
		return img
	}
}
