package coco

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"

	"pmx/detection/coco/internal/jsonscan"
)

// ReadOptions changes how files are read. The zero value reads everything.
type ReadOptions struct {
	// File is the name that messages give the text. The Open functions fill it in.
	File string
	// BoxesOnly drops the segmentations once they are read and checked: a quarter of
	// the memory where boxes suffice.
	BoxesOnly bool
	// IDs are those of files whose ids refer to each other; nil where ids are whole
	// numbers of 64 bits.
	IDs *IDs
}

// Visitor is called with the entries of an instances file in file order, while it
// is read. An error stops the reading; a nil function skips its entries.
type Visitor struct {
	Image    func(Image) error
	Category func(Category) error
	// Annotation gets an annotation whose segmentation is valid only during the
	// call.
	Annotation func(*Annotation) error
}

// ScanDataset reads an instances file, which gzip may have packed, and hands out its
// entries, in memory that does not grow with the file. What the entries refer to is not checked, for it
// may come later in the file.
func ScanDataset(r io.Reader, o ReadOptions, v Visitor) error {
	f := newFileReader(r, o)
	return f.dataset(v)
}

// OpenDataset reads an instances file from disk.
func OpenDataset(path string, o ReadOptions) (*Dataset, error) {
	return open(path, o, ReadDataset)
}

// OpenResults reads a results file from disk.
func OpenResults(path string, o ReadOptions) (Results, error) {
	return open(path, o, ReadResults)
}

func open[T any](path string, o ReadOptions, read func(io.Reader, ReadOptions) (T, error)) (T, error) {
	var none T
	f, err := os.Open(path)
	if err != nil {
		return none, fmt.Errorf("coco: %w", err)
	}
	defer f.Close()
	if o.File == "" {
		o.File = path
	}
	return read(f, o)
}

// ReadDataset reads an instances file as a whole. The result takes about as much
// memory as the text, for a coordinate is 8 bytes here and as many characters
// there, and half as much again while it grows.
func ReadDataset(r io.Reader, o ReadOptions) (*Dataset, error) {
	var (
		d    = new(Dataset)
		kept segmentationArena
	)
	f := newFileReader(r, o)
	d.ids = f.ids
	err := f.dataset(Visitor{
		Image:    func(img Image) error { d.Images = append(d.Images, img); return nil },
		Category: func(c Category) error { d.Categories = append(d.Categories, c); return nil },
		Annotation: func(a *Annotation) error {
			d.Annotations = append(d.Annotations, *a)
			s := &d.Annotations[len(d.Annotations)-1].Segmentation
			if o.BoxesOnly {
				*s = Segmentation{}
			}
			kept.keep(s)
			return nil
		},
	})
	if err != nil {
		return nil, err
	}
	d.tidy()
	if _, err := d.index(); err != nil {
		return nil, f.fail(err)
	}
	return d, nil
}

// fileReader reads the entries of COCO's files and knows where it is.
type fileReader struct {
	s    *jsonscan.Scanner
	opts ReadOptions
	ids  *IDs

	// Where it is: field of entry number index of section, which begins at entry.
	section, field string
	index          int
	entry          int64
	nulls          uint // the fields of the entry that are null, as bits

	// The segmentation read last, and what is wrong with it.
	problem string
	numbers []float64
	ends    []int // where the outlines end in numbers
	polys   []Polygon
	runs    []uint32
	counts  []byte
	rle     CompressedRLE
}

func newFileReader(r io.Reader, o ReadOptions) *fileReader {
	f := &fileReader{s: jsonscan.New(&textReader{file: r}), opts: o, ids: o.IDs, index: -1}
	if f.ids == nil {
		f.ids = new(IDs)
	}
	return f
}

// fail gives an error the place where the reader is.
func (f *fileReader) fail(err error) error {
	if err == nil {
		return nil
	}
	path := f.section
	if f.index >= 0 {
		path += fmt.Sprintf("[%d]", f.index)
	}
	if f.field != "" {
		path += "." + f.field
	}
	return formatError(f.opts.File, path, f.s.Start(), err)
}

// failEntry is fail for an entry as a whole.
func (f *fileReader) failEntry(format string, args ...any) error {
	return &FormatError{
		File: f.opts.File, Offset: f.entry, Path: fmt.Sprintf("%s[%d]", f.section, f.index), Err: fmt.Errorf(format, args...),
	}
}

// dataset reads an instances file.
func (f *fileReader) dataset(v Visitor) error {
	if f.s.Peek() == jsonscan.Array {
		return f.fail(errors.New("an array where an object is expected: this looks like a results file, not an instances file"))
	}
	found := false
	err := f.s.Object(func(key []byte) error {
		switch string(key) {
		case "images":
			found = true
			return f.entries("images", v.Image != nil, func() error { return f.image(v.Image) })
		case "categories":
			return f.entries("categories", v.Category != nil, func() error { return f.category(v.Category) })
		case "annotations":
			return f.entries("annotations", v.Annotation != nil, func() error { return f.annotation(v.Annotation) })
		}
		return f.s.SkipPython()
	})
	if err == nil {
		err = f.s.End()
	}
	if err == nil && !found {
		err = errors.New("there is no \"images\": this is not an instances file")
	}
	return f.fail(err)
}

// entries reads an array of objects and calls entry before each.
func (f *fileReader) entries(section string, wanted bool, entry func() error) error {
	f.section = section
	if !wanted {
		err := f.s.SkipPython()
		f.section = ""
		return err
	}
	err := f.s.Array(func(i int) error {
		f.index, f.field = i, ""
		f.s.Peek()
		f.entry = f.s.Offset()
		return entry()
	})
	if err != nil {
		return f.fail(err)
	}
	f.section, f.field, f.index = "", "", -1
	return nil
}

// fields reads an object, skipping null values and the members that read does
// not know; it returns which of the names occurred, as bits in their order.
func (f *fileReader) fields(names []string, read func(field int) error) (seen uint, err error) {
	f.nulls = 0
	err = f.s.Object(func(key []byte) error {
		for i, name := range names {
			if string(key) != name {
				continue
			}
			f.field = name
			if f.s.Peek() == jsonscan.Null {
				f.nulls |= 1 << i
				return f.s.Null()
			}
			if err := read(i); err != nil {
				return err
			}
			seen |= 1 << i
			f.field = ""
			return nil
		}
		f.field = "" // of no interest, but perhaps malformed
		return f.s.SkipPython()
	})
	if err == nil {
		f.field = ""
	}
	return seen, err
}

// require fails unless the first n names have been seen.
func (f *fileReader) require(names []string, n int, seen uint) error {
	for i, name := range names[:n] {
		if seen&(1<<i) == 0 {
			return f.failEntry("there is no %q", name)
		}
	}
	return nil
}

// id reads a number, or a string, which gets one.
func (f *fileReader) id() (int64, error) {
	if f.s.Peek() == jsonscan.String {
		text, err := f.s.String()
		return f.ids.number(quoted(text)), err
	}
	v, text, err := f.s.Integer()
	if err == nil && (text != "" || v < firstText+math.MaxInt32) { // which numbers of texts might be
		if text == "" {
			text = strconv.FormatInt(v, 10)
		}
		v = f.ids.number(text)
	}
	return v, err
}

// quoted is a string as JSON has it.
func quoted(text string) string {
	out, _ := json.Marshal(text) // of a string it does not fail
	return string(out)
}

// name reads a name, which is a string or a number; anything else is no name.
func (f *fileReader) name() (string, error) {
	switch f.s.Peek() {
	case jsonscan.String:
		return f.s.String()
	case jsonscan.Number:
		v, text, err := f.s.Integer()
		if err == nil && text == "" {
			text = strconv.FormatInt(v, 10)
		}
		return text, err
	}
	return "", f.s.SkipPython()
}

var imageFields = []string{"id", "height", "width", "file_name"}

func (f *fileReader) image(visit func(Image) error) error {
	var img Image
	seen, err := f.fields(imageFields, func(field int) (err error) {
		switch field {
		case 0:
			img.ID, err = f.id()
		case 1:
			img.Height, err = f.side()
		case 2:
			img.Width, err = f.side()
		case 3:
			img.FileName, err = f.name()
		}
		return err
	})
	if err == nil {
		err = f.require(imageFields, 1, seen)
	}
	if err != nil {
		return err
	}
	return visit(img)
}

// side reads a height or width.
func (f *fileReader) side() (int, error) {
	v, err := f.s.Int()
	if err == nil && (v < 0 || v > maxMaskPixels) {
		err = fmt.Errorf("a side of %d pixels", v)
	}
	return int(v), err
}

var categoryFields = []string{"id", "name", "supercategory"}

func (f *fileReader) category(visit func(Category) error) error {
	var c Category
	seen, err := f.fields(categoryFields, func(field int) (err error) {
		switch field {
		case 0:
			c.ID, err = f.id()
		case 1:
			c.Name, err = f.name()
		case 2:
			c.Supercategory, err = f.name()
		}
		return err
	})
	if err == nil {
		err = f.require(categoryFields, 1, seen)
	}
	if err != nil {
		return err
	}
	return visit(c)
}

var annotationFields = []string{"id", "image_id", "category_id", "bbox", "segmentation", "area", "iscrowd"}

const (
	annotationImage        = 1 << 1
	annotationCategory     = 1 << 2
	annotationBox          = 1 << 3
	annotationSegmentation = 1 << 4
	annotationArea         = 1 << 5
)

func (f *fileReader) annotation(visit func(*Annotation) error) error {
	a := Annotation{ImageID: noID, CategoryID: noID}
	seen, err := f.fields(annotationFields, func(field int) (err error) {
		switch field {
		case 0:
			a.ID, err = f.id()
		case 1:
			a.ImageID, err = f.id()
		case 2:
			a.CategoryID, err = f.id()
		case 3:
			a.Box, _, err = f.box()
		case 4:
			a.Segmentation, err = f.segmentation()
		case 5:
			a.Area, err = f.s.Float()
		case 6:
			a.Crowd, err = f.flag()
		}
		return err
	})
	if err == nil { // what refers to null is left out later
		err = f.require(annotationFields, 3, seen|f.nulls&(annotationImage|annotationCategory))
	}
	if err != nil {
		return err
	}
	hasShape := seen&annotationSegmentation != 0 && !a.Segmentation.IsZero()
	if seen&annotationBox == 0 {
		if !hasShape {
			return f.failEntry("%s", noShape(a.Segmentation))
		}
		if a.Box, err = a.Segmentation.box(); err != nil {
			return err
		}
	}
	if seen&annotationArea == 0 {
		a.Area = a.Box.Area()
		if hasShape {
			if a.Area, err = a.Segmentation.area(); err != nil {
				return err
			}
		}
	}
	return visit(&a)
}

// noShape is the error of an entry without a box whose segmentation is none.
func noShape(s Segmentation) string {
	const neither = "there is neither a \"bbox\" nor a \"segmentation\""
	if s.Problem == "" {
		return neither
	}
	return neither + " that can be drawn (" + s.Problem + ")"
}

// flag reads 0, 1, false or true.
func (f *fileReader) flag() (bool, error) {
	if f.s.Peek() == jsonscan.Bool {
		return f.s.Bool()
	}
	v, err := f.s.Int()
	if err == nil && v != 0 && v != 1 {
		err = fmt.Errorf("the flag is %d, it must be 0 or 1", v)
	}
	return v == 1, err
}

// box reads [x, y, width, height]; present is false for [].
func (f *fileReader) box() (b XYWH, present bool, err error) {
	n := 0
	err = f.s.Array(func(i int) error {
		v, err := f.s.Float()
		if i < len(b) {
			b[i] = v
		}
		n++
		return err
	})
	if err == nil && n != 0 && n != len(b) {
		err = fmt.Errorf("%d numbers, a box has four: x, y, width, height", n)
	}
	return b, n > 0, err
}
