package images

import (
	"context"
	"errors"
	"image"
	"sync"

	"pmx/images/internal/jpeg"
)

var jpegFormat = &fileFormat{name: "jpeg", magic: []string{"\xff\xd8"}, head: jpegHeader, decode: decodeJPEG}

func jpegHeader(data []byte) (header, error) {
	h, err := jpeg.ReadHeader(data)
	return header{w: h.W, h: h.H, bytes: h.Bytes}, unreadJPEG(err)
}

// unreadJPEG tells a good file that is not read from a damaged one.
func unreadJPEG(err error) error {
	if unsupported, ok := errors.AsType[jpeg.Unsupported](err); ok {
		return notRead("a JPEG of a kind that is not read (" + string(unsupported) + "): save it as baseline or progressive")
	}
	return err
}

// decodeJPEG decodes most photographs faster than the others.
func decodeJPEG(ctx context.Context, data []byte, img *Image) error {
	if decodePlainJPEG(ctx, data, img) {
		return nil
	}
	decoded, err := jpeg.DecodeAny(ctx, data)
	if err != nil {
		return unreadJPEG(err)
	}
	img.fillPlanar(decoded, jfif)
	return nil
}

// decodePlainJPEG says no to files that are not plain, and to damaged ones.
func decodePlainJPEG(ctx context.Context, data []byte, img *Image) bool {
	decoder := jpegDecoders.Get().(*jpeg.Decoder)
	defer func() {
		if decoder.Bytes() < largeBytes {
			jpegDecoders.Put(decoder)
		}
	}()
	decoded, err := decoder.Decode(ctx, data)
	switch decoded := decoded.(type) {
	case *image.Gray:
		img.fill(decoded)
	case *image.YCbCr:
		img.fillYCbCr(decoded, jfif)
	}
	return err == nil
}

var jpegDecoders = sync.Pool{New: func() any { return new(jpeg.Decoder) }}
