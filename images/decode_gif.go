package images

import (
	"bytes"
	"context"
	"encoding/binary"
	"image"
	"image/gif"
	"slices"
)

var gifFormat = &fileFormat{name: "gif", magic: []string{"GIF8?a"}, head: gifHeader, decode: decodeGIF}

// gifScreen is where the size of the screen is in a file.
const gifScreen = 6

func gifHeader(data []byte) (header, error) {
	screen, picture, _, _ := scanGIF(data)
	if _, err := gif.DecodeConfig(bytes.NewReader(data)); err != nil {
		return header{}, err
	}
	return header{w: screen.X, h: screen.Y, bytes: int64(picture.Dx()) * int64(picture.Dy())}, nil
}

// decodeGIF decodes the first picture of a GIF as Pillow shows it: transparent pixels
// in the colour that the palette has for them, which image/gif makes black, and around
// a picture that is smaller than the screen the transparent colour, or the first.
func decodeGIF(ctx context.Context, data []byte, img *Image) error {
	screen, _, opaque, around := scanGIF(data)
	decoded, err := gif.Decode(readerUntil(ctx, opaque))
	if err != nil {
		return err
	}
	picture, ok := decoded.(*image.Paletted)
	if !ok || picture.Rect == (image.Rectangle{Max: screen}) {
		img.fill(decoded)
		return nil
	}
	palette := opaquePalette(picture.Palette)
	img.Reset(screen.X, screen.Y)
	for n := copy(img.Pix, palette[around][:]); n < len(img.Pix); n *= 2 {
		copy(img.Pix[n:], img.Pix[:n])
	}
	r := picture.Rect
	for y := r.Min.Y; y < r.Max.Y; y++ {
		out := img.row(y)[3*r.Min.X:]
		for x, v := range picture.Pix[picture.PixOffset(r.Min.X, y):][:r.Dx()] {
			copy(out[3*x:], palette[v][:])
		}
	}
	return nil
}

// scanGIF finds the size of the screen, grown to hold the first picture as Pillow's
// does, where that picture lies, the file without transparency and with that screen,
// and the index that was transparent, or 0.
// https://www.w3.org/Graphics/GIF/spec-gif89a.txt, sections 18, 20 and 23
func scanGIF(data []byte) (screen image.Point, picture image.Rectangle, opaque []byte, index uint8) {
	const size, extension, descriptor, descriptorSize, control, transparent = 13, 0x21, 0x2c, 10, 0xf9, 1
	opaque = data
	if len(data) < size {
		return screen, picture, opaque, 0
	}
	number := func(at int) int { return int(binary.LittleEndian.Uint16(data[at:])) }
	screen = image.Pt(number(gifScreen), number(gifScreen+2))
	at := size
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
	if at+descriptorSize > len(data) || data[at] != descriptor {
		return screen, picture, opaque, index
	}
	left, top := number(at+1), number(at+3)
	picture = image.Rect(left, top, left+number(at+5), top+number(at+7))
	if grown := image.Pt(max(screen.X, picture.Max.X), max(screen.Y, picture.Max.Y)); grown != screen && grown.X < 1<<16 && grown.Y < 1<<16 {
		screen = grown
		opaque = slices.Clone(opaque)
		binary.LittleEndian.PutUint16(opaque[gifScreen:], uint16(screen.X))
		binary.LittleEndian.PutUint16(opaque[gifScreen+2:], uint16(screen.Y))
	}
	return screen, picture, endGIF(opaque, at+descriptorSize), index
}

// endGIF ends a file in the middle of a block of pixels, which begin at a place, so that
// image/gif takes what there is of the block: it may be enough.
func endGIF(data []byte, at int) []byte {
	if at >= len(data) {
		return data
	}
	if flags := data[at-1]; flags&0x80 != 0 { // a palette of its own
		at += 3 << (1 + flags&7)
	}
	for at++; at < len(data) && data[at] != 0; {
		n := int(data[at])
		if rest := len(data) - at - 1; n > rest {
			ended := append(slices.Clone(data), 0)
			ended[at] = byte(rest)
			return ended
		}
		at += 1 + n
	}
	return data
}
