package images

import (
	"errors"
	"fmt"
)

// notRead says of a good image why it is not read.
type notRead string

func (e notRead) Error() string { return string(e) }

// unlessNotRead puts what is wrong before an error, unless nothing is wrong with the
// image.
func unlessNotRead(err error, wrong string) error {
	if _, good := errors.AsType[notRead](err); err == nil || good {
		return err
	}
	return fmt.Errorf("%s: %w", wrong, err)
}
