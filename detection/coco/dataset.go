package coco

import (
	"fmt"
	"iter"
	"slices"
)

// Image is an entry of a dataset's images. Height and Width are 0 if the file
// does not give them.
type Image struct {
	ID            int64
	FileName      string
	Height, Width int
}

// Category is an entry of a dataset's categories. COCO's ids have holes: 80
// categories have ids from 1 to 90.
type Category struct {
	ID                  int64
	Name, Supercategory string
}

// Annotation is one object of one image.
type Annotation struct {
	ID, ImageID, CategoryID int64
	// Box is the file's bbox, or the extent of the segmentation if it gives none.
	Box XYWH
	// Area is the file's area, in pixels: COCO has that of the object, not of the
	// box. If the file gives none it is that of the segmentation or of the box.
	Area float64
	// Crowd marks a group of objects: detections inside it are neither right nor
	// wrong.
	Crowd        bool
	Segmentation Segmentation
}

// Dataset holds the annotated images of an instances file. Images, categories and
// annotations are in file order; they must not be changed.
type Dataset struct {
	Images      []Image
	Categories  []Category
	Annotations []Annotation
	// Notes say what a user may not expect of a file that was read.
	Notes []string

	ids           *IDs
	imageIndex    map[int64]int32
	categoryIndex map[int64]int32
	// Annotations of image i are byImage[firstOf[i]:firstOf[i+1]], in file order.
	firstOf, byImage []int32
}

// NewDataset checks and indexes a dataset: ids must be unique, and every
// annotation must refer to an image and a category that exist.
func NewDataset(images []Image, categories []Category, annotations []Annotation) (*Dataset, error) {
	d := &Dataset{Images: images, Categories: categories, Annotations: annotations}
	at, err := d.index()
	if err == nil {
		at, err = d.duplicateAnnotation()
	}
	if err != nil {
		return nil, fmt.Errorf("coco: annotations[%d]: %w", at, err)
	}
	return d, nil
}

// IDText is an id as the file has it.
func (d *Dataset) IDText(id int64) string { return d.ids.Text(id) }

// index builds the lookup tables. An error comes with the index of the
// annotation at fault, or -1 if it is about images or categories.
func (d *Dataset) index() (at int, err error) {
	d.imageIndex = make(map[int64]int32, len(d.Images))
	for i, img := range d.Images {
		if first, taken := d.imageIndex[img.ID]; taken {
			return -1, fmt.Errorf("images[%d] and images[%d] have the same id %d", first, i, img.ID)
		}
		d.imageIndex[img.ID] = int32(i)
	}
	d.categoryIndex = make(map[int64]int32, len(d.Categories))
	for i, c := range d.Categories {
		if first, taken := d.categoryIndex[c.ID]; taken {
			return -1, fmt.Errorf("categories[%d] and categories[%d] have the same id %d", first, i, c.ID)
		}
		d.categoryIndex[c.ID] = int32(i)
	}

	imageOf := make([]int32, len(d.Annotations))
	d.firstOf = make([]int32, len(d.Images)+1)
	for i := range d.Annotations {
		a := &d.Annotations[i]
		image, ok := d.imageIndex[a.ImageID]
		if !ok {
			return i, fmt.Errorf("annotation %d is of image %d, which is not among the %d images", a.ID, a.ImageID, len(d.Images))
		}
		if _, ok := d.categoryIndex[a.CategoryID]; !ok {
			return i, fmt.Errorf("annotation %d is of category %d, which is not among the %d categories", a.ID, a.CategoryID, len(d.Categories))
		}
		imageOf[i] = image
		d.firstOf[image+1]++
	}
	for i := range d.Images {
		d.firstOf[i+1] += d.firstOf[i]
	}
	d.byImage = make([]int32, len(d.Annotations))
	next := slices.Clone(d.firstOf)
	for i, image := range imageOf {
		d.byImage[next[image]] = int32(i)
		next[image]++
	}
	return -1, nil
}

// duplicates finds the ids that several annotations have, and the last of each. It sorts
// the ids: a map of a million of them would be larger than the dataset's own index.
func (d *Dataset) duplicates() map[int64]int {
	ids := make([]int64, len(d.Annotations))
	for i := range d.Annotations {
		ids[i] = d.Annotations[i].ID
	}
	slices.Sort(ids)
	last := map[int64]int{}
	for i := 1; i < len(ids); i++ {
		if ids[i] == ids[i-1] {
			last[ids[i]] = -1
		}
	}
	if len(last) == 0 {
		return nil
	}
	for i := range d.Annotations {
		if _, ok := last[d.Annotations[i].ID]; ok {
			last[d.Annotations[i].ID] = i
		}
	}
	return last
}

// duplicateAnnotation is an error about two annotations with one id, and where the second
// is.
func (d *Dataset) duplicateAnnotation() (at int, err error) {
	last := d.duplicates()
	for i := range d.Annotations {
		if at, ok := last[d.Annotations[i].ID]; ok {
			return at, fmt.Errorf("annotation id %d is taken by annotations[%d] already", d.Annotations[i].ID, i)
		}
	}
	return -1, nil
}

// Image finds an image by id.
func (d *Dataset) Image(id int64) (Image, bool) {
	i, ok := d.imageIndex[id]
	if !ok {
		return Image{}, false
	}
	return d.Images[i], true
}

// ImageByFile finds an image by file name.
func (d *Dataset) ImageByFile(name string) (Image, bool) {
	i := slices.IndexFunc(d.Images, func(img Image) bool { return img.FileName == name })
	if i < 0 {
		return Image{}, false
	}
	return d.Images[i], true
}

// Category finds a category by id.
func (d *Dataset) Category(id int64) (Category, bool) {
	i, ok := d.categoryIndex[id]
	if !ok {
		return Category{}, false
	}
	return d.Categories[i], true
}

// AnnotationsOf yields the annotations of an image, in file order; none for an
// unknown image.
func (d *Dataset) AnnotationsOf(imageID int64) iter.Seq[*Annotation] {
	return func(yield func(*Annotation) bool) {
		i, ok := d.imageIndex[imageID]
		if !ok {
			return
		}
		for _, a := range d.byImage[d.firstOf[i]:d.firstOf[i+1]] {
			if !yield(&d.Annotations[a]) {
				return
			}
		}
	}
}
