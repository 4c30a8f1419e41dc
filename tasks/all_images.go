package tasks

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"pmx/images"
)

// AllParts is what AllImages takes in the place of one part.
const AllParts = "all"

// AllImages opens the images of a data set that need not have classes: of one part,
// images.Train or images.Test, or of AllParts, the training images first. Where the
// images cannot be divided into classes they are taken without, and a note says why.
func AllImages(ctx context.Context, spec, part string) (d images.Dataset, notes []string, err error) {
	if spec == "" {
		return nil, nil, &RecipeError{fmt.Errorf("%w (%s)", ErrNoData, strings.Join(images.Formats.Names(), ", "))}
	}
	d, err = openParts(ctx, spec, part)
	if _, usage := errors.AsType[*images.SpecError](err); err == nil || usage || ctx.Err() != nil {
		return d, notes, err
	}
	without, failed := openParts(ctx, spec, part, images.Unlabelled())
	if failed != nil {
		return nil, nil, err
	}
	return without, []string{"the images are taken without classes: " + strings.TrimPrefix(err.Error(), "images: ")}, nil
}

func openParts(ctx context.Context, spec, part string, options ...images.OpenOption) (images.Dataset, error) {
	source, err := images.NewSource(spec, options...)
	if err != nil {
		return nil, err
	}
	if part != AllParts {
		return OpenSplit(ctx, source, part)
	}
	train, err := OpenSplit(ctx, source, images.Train)
	if err != nil {
		return nil, err
	}
	test, err := OpenSplit(ctx, source, images.Test)
	switch {
	case errors.Is(err, images.ErrNoSplit):
		return train, nil
	case err != nil:
		return nil, err
	}
	return images.Concat(train.Name()+" and "+test.Name(), train, test), nil
}
