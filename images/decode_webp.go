package images

import (
	"bytes"
	"context"
	"image"

	"golang.org/x/image/webp"
)

var webpFormat = &fileFormat{name: "webp", magic: []string{"RIFF????WEBP"}, head: webpHeader, decode: decodeWebP}

func webpHeader(data []byte) (header, error) {
	if isAnimatedWebP(data) {
		return header{}, notRead("an animated WebP, which is not read: save one of its pictures in its place")
	}
	config, err := webp.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return header{}, err
	}
	each := int64(3) // luma, chroma of a quarter twice, alpha
	if bytes.Contains(data[:min(len(data), 32)], []byte("VP8L")) {
		each = 8 // the pixels and what they are made of
	}
	return header{w: config.Width, h: config.Height}.times(each), nil
}

// isAnimatedWebP looks at the flags of the extended format: RIFF size WEBP VP8X size
// flags. https://developers.google.com/speed/webp/docs/riff_container
func isAnimatedWebP(data []byte) bool {
	const animation = 1 << 1
	return len(data) > 20 && string(data[12:16]) == "VP8X" && data[20]&animation != 0
}

// decodeWebP leaves the decoder to itself if ctx ends: it reads the file first, and
// then takes up to seconds.
func decodeWebP(ctx context.Context, data []byte, img *Image) error {
	type result struct {
		image.Image
		err error
	}
	done := make(chan result, 1)
	go func() {
		decoded, err := webp.Decode(readerUntil(ctx, data))
		done <- result{decoded, err}
	}()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case r := <-done:
		if r.err != nil {
			return r.err
		}
		switch src := r.Image.(type) {
		case *image.NYCbCrA:
			img.fillYCbCr(&src.YCbCr, webpColours)
		case *image.YCbCr:
			img.fillYCbCr(src, webpColours)
		default:
			img.fill(src)
		}
		return nil
	}
}
