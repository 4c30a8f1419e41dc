package evaluation

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"pmx/images"
	"pmx/internal/atomicfile"
	"pmx/internal/registry"
)

// Embedding is what files keep of a set of images.
type Embedding struct {
	Images images.Dataset
	Dim    int
	Rows   iter.Seq2[[]float32, error] // [n Dim] at a time, all images in order
	// Metadata goes along where a format has a place for it.
	Metadata map[string]string
	// Similar writes Neighbours and Duplicates, as functions that give their pairs; nil
	// leaves the file out.
	Neighbours func(found func(image int, near []Neighbour) error) error
	Duplicates func(found func(image int, earlier Neighbour) error) error
}

// embeddingFormat writes the features of a set of images to one file.
type embeddingFormat struct {
	// named formats have the names of the images in them.
	named bool
	write func(w io.Writer, e *Embedding) error
}

var embeddingFormats = registry.New[embeddingFormat]("evaluation", "kind of file")

// EmbeddingEndings are the endings of files that Embedding writes, sorted.
func EmbeddingEndings() []string { return embeddingFormats.Names() }

// CheckEmbedding says why an Embedding cannot be written under a name.
func CheckEmbedding(path string) error {
	if _, err := embeddingFormats.Lookup(filepath.Ext(path)); err != nil {
		return fmt.Errorf("evaluation: %s: want a name that ends in %s", path, strings.Join(EmbeddingEndings(), ", "))
	}
	for _, file := range []string{path, namesPath(path), neighboursPath(path), duplicatesPath(path)} {
		if err := atomicfile.CheckReplaceable(file); err != nil {
			return err
		}
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
		return fmt.Errorf("evaluation: %s is not a folder that is there: make it first", filepath.Dir(path))
	}
	return nil
}

// The files beside x.npy are x.names.csv, x.neighbours.csv and x.duplicates.csv.
func namesPath(path string) string      { return beside(path, ".names.csv") }
func neighboursPath(path string) string { return beside(path, ".neighbours.csv") }
func duplicatesPath(path string) string { return beside(path, ".duplicates.csv") }

func beside(path, ending string) string {
	return strings.TrimSuffix(path, filepath.Ext(path)) + ending
}

// Write writes the features to a file of the kind that its ending says, and beside it the
// images' names and classes, where the kind has no place for them, and what is similar.
// All of them appear whole or not at all, the features last. It gives their paths.
func (e *Embedding) Write(path string) (written []string, err error) {
	if err := CheckEmbedding(path); err != nil {
		return nil, err
	}
	format, err := embeddingFormats.Lookup(filepath.Ext(path))
	if err != nil {
		return nil, err
	}
	err = atomicfile.Stage(filepath.Dir(path), func(staging string) ([]string, error) {
		put := func(path string, fill func(io.Writer) error) error {
			written = append(written, path)
			return atomicfile.Write(filepath.Join(staging, filepath.Base(path)), fill)
		}
		err := put(path, func(w io.Writer) error { return format.write(w, e) })
		if err == nil && !format.named {
			err = put(namesPath(path), e.writeNames)
		}
		if err == nil && e.Neighbours != nil {
			err = put(neighboursPath(path), e.writeNeighbours)
		}
		if err == nil && e.Duplicates != nil {
			err = put(duplicatesPath(path), e.writeDuplicates)
		}
		return []string{filepath.Base(path)}, err
	})
	if err != nil {
		return nil, err
	}
	return written, nil
}

// class is the name of an image's class, "" where it has none.
func (e *Embedding) class(i int) string {
	label := e.Images.Label(i)
	if classes := e.Images.Classes(); label >= 0 && label < len(classes) {
		return classes[label]
	}
	if label < 0 {
		return ""
	}
	return fmt.Sprint(label)
}

// rows visits the features of each image.
func (e *Embedding) rows(visit func(i int, row []float32) error) error {
	i := 0
	for rows, err := range e.Rows {
		if err != nil {
			return err
		}
		for ; len(rows) > 0; i++ {
			if i >= e.Images.Len() || len(rows) < e.Dim {
				return errors.New("evaluation: there are more features than images")
			}
			if err := visit(i, rows[:e.Dim]); err != nil {
				return err
			}
			rows = rows[e.Dim:]
		}
	}
	if i != e.Images.Len() {
		return fmt.Errorf("evaluation: %d of %d images have features", i, e.Images.Len())
	}
	return nil
}

func (e *Embedding) writeNames(w io.Writer) error {
	return writeCSV(w, []string{"name", "class"}, func(row func(...string) error) error {
		for i := range e.Images.Len() {
			if err := row(images.ItemName(e.Images, i), e.class(i)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (e *Embedding) writeNeighbours(w io.Writer) error {
	return writeCSV(w, []string{"name", "rank", "neighbour", "cosine"}, func(row func(...string) error) error {
		return e.Neighbours(func(image int, near []Neighbour) error {
			for i, n := range near {
				if err := row(images.ItemName(e.Images, image), fmt.Sprint(i+1), images.ItemName(e.Images, n.Image), cosineText(n.Cosine)); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

func (e *Embedding) writeDuplicates(w io.Writer) error {
	return writeCSV(w, []string{"name", "duplicate_of", "cosine"}, func(row func(...string) error) error {
		return e.Duplicates(func(image int, n Neighbour) error {
			return row(images.ItemName(e.Images, image), images.ItemName(e.Images, n.Image), cosineText(n.Cosine))
		})
	})
}

func cosineText(c float64) string { return fmt.Sprintf("%.6f", c) }

// writeCSV writes a table with a header.
func writeCSV(w io.Writer, header []string, fill func(row func(...string) error) error) error {
	c := csv.NewWriter(w)
	row := func(cells ...string) error { return c.Write(cells) }
	if err := row(header...); err != nil {
		return err
	}
	if err := fill(row); err != nil {
		return err
	}
	c.Flush()
	return c.Error()
}
