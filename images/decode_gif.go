package images

import (
	"bytes"
	"image"
	"image/gif"
	"slices"
)

// decodeGIF decodes the first picture of a GIF as Pillow shows it: transparent pixels
// in the colour that the palette has for them, which image/gif makes black, and around
// a picture that is smaller than the screen the transparent colour, or the first.
func decodeGIF(data []byte) (image.Image, error) {
	config, err := gif.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	opaque, around := opaqueGIF(data)
	decoded, err := gif.Decode(bytes.NewReader(opaque))
	if err != nil {
		return nil, err
	}
	picture, ok := decoded.(*image.Paletted)
	screen := image.Rect(0, 0, config.Width, config.Height)
	if !ok || picture.Rect == screen {
		return decoded, nil
	}
	whole := image.NewPaletted(screen, picture.Palette)
	for i := range whole.Pix {
		whole.Pix[i] = around
	}
	r := picture.Rect
	for y := r.Min.Y; y < r.Max.Y; y++ {
		copy(whole.Pix[whole.PixOffset(r.Min.X, y):], picture.Pix[picture.PixOffset(r.Min.X, y):][:r.Dx()])
	}
	return whole, nil
}

// opaqueGIF takes transparency out of the graphic control extensions before the first
// picture and returns the index that was transparent, or 0.
// https://www.w3.org/Graphics/GIF/spec-gif89a.txt, sections 18 and 23
func opaqueGIF(data []byte) (opaque []byte, index uint8) {
	const header, extension, control, transparent = 13, 0x21, 0xf9, 1
	opaque = data
	at := header
	if flags := data[10]; flags&0x80 != 0 { // a global palette
		at += 3 << (1 + flags&7)
	}
	for at+7 < len(data) && data[at] == extension {
		if flags := data[at+3]; data[at+1] == control && flags&transparent != 0 {
			opaque = slices.Clone(opaque)
			opaque[at+3] = flags &^ transparent
			index = data[at+6]
		}
		for at += 2; at < len(data) && data[at] != 0; {
			at += 1 + int(data[at])
		}
		at++
	}
	return opaque, index
}
