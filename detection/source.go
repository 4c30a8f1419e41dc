package detection

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"pmx/images"
	"pmx/internal/progress"
)

// Source is what a specification names.
type Source struct {
	Train *Dataset
	// Validation is nil where the specification names no pictures for it; Split then
	// holds some out.
	Validation *Dataset
}

// SpecError is a specification that could not name a data set, whatever files there
// are.
type SpecError struct{ Msg string }

func (e *SpecError) Error() string { return "detection: " + e.Msg }

// Specs is the help for specifications that Open takes.
const Specs = `coco:INSTANCES.json,FOLDER   annotations and the folder of their pictures
coco:INSTANCES.json          the pictures are beside the file, or where the tools below put them
coco:FOLDER                  an export of CVAT, Label Studio, Roboflow or labelme, or COCO itself; with its validation part
scenes[:NUMBER]              generated scenes of the images that are compiled in, 1,000 for training and 200 for validation`

// Open reads the annotations that a specification names, see Specs, and finds their
// pictures. What cannot be used is left out, and the Notes of the data set count it and
// name the first. A data set without any usable object is an error.
func Open(ctx context.Context, spec string) (*Source, error) {
	kind, path, hasPath := strings.Cut(spec, ":")
	if kind == "scenes" {
		return openScenes(ctx, path, hasPath)
	}
	if kind != "coco" || path == "" {
		return nil, &SpecError{fmt.Sprintf("no data set %q, write coco:INSTANCES.json,FOLDER or coco:FOLDER or scenes", spec)}
	}
	parts, err := resolve(path)
	if err != nil {
		return nil, err
	}
	s := new(Source)
	if s.Train, err = openPart(ctx, parts[0]); err != nil {
		return nil, err
	}
	if len(parts) == 1 {
		return s, nil
	}
	if s.Validation, err = openPart(ctx, parts[1]); err != nil {
		return nil, err
	}
	s.Validation, err = s.Validation.WithClassesOf(s.Train)
	return s, err
}

// AbsSpec is a specification that means the same wherever the program runs: its paths
// are absolute.
func AbsSpec(spec string) (string, error) {
	kind, path, _ := strings.Cut(spec, ":")
	if kind != "coco" || path == "" {
		return spec, nil
	}
	parts := []string{path}
	if at := commaAfterFile(path); at >= 0 {
		parts = []string{path[:at], path[at+1:]}
	}
	for i, p := range parts {
		abs, err := filepath.Abs(p)
		if err != nil {
			return "", fmt.Errorf("detection: %w", err)
		}
		parts[i] = abs
	}
	return kind + ":" + strings.Join(parts, ","), nil
}

// commaAfterFile is where a path is divided into an instances file and the folder of its
// pictures, or -1. A comma may be in a name: the first one after which there is a file
// counts.
func commaAfterFile(path string) int {
	if _, err := os.Stat(path); err == nil {
		return -1
	}
	for at, c := range path {
		if c == ',' && fileThere(path[:at]) {
			return at
		}
	}
	return -1
}

// openScenes generates the scenes for training and validation.
func openScenes(ctx context.Context, number string, given bool) (*Source, error) {
	n := SceneCount
	if given {
		var err error
		if n, err = strconv.Atoi(number); err != nil {
			return nil, &SpecError{fmt.Sprintf("scenes:%s, write scenes or scenes:NUMBER", number)}
		}
	}
	train, err := Scenes(ctx, images.Train, n, SceneSeed)
	if err != nil {
		return nil, err
	}
	validation, err := Scenes(ctx, images.Test, SceneValidation, SceneSeed)
	return &Source{Train: train, Validation: validation}, err
}

// part is an instances file and the folder of its pictures; "" is to be found.
type part struct{ file, folder string }

// resolve finds the training part, and if there is one the validation part.
func resolve(path string) ([]part, error) {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return findParts(path)
	case err == nil:
		return []part{{file: path}}, nil
	}
	if at := commaAfterFile(path); at >= 0 {
		folder := path[at+1:]
		if info, err := os.Stat(folder); err != nil || !info.IsDir() {
			return nil, fmt.Errorf("detection: %s is not a folder: name that of the pictures of %s", folder, path[:at])
		}
		return []part{{path[:at], folder}}, nil
	}
	file, _, _ := strings.Cut(path, ",")
	return nil, fmt.Errorf("detection: %s: there is no such file or folder", file)
}

// layouts are where tools put what, in turn: COCO itself, CVAT, Roboflow, Label Studio,
// labelme. The pictures of the first four are in the first folder that is there.
var layouts = []struct {
	train, validation string
	folders           func(split string) []string // of "train" or "validation"
}{
	{"annotations/instances_train2017.json", "annotations/instances_val2017.json", func(s string) []string {
		return []string{map[string]string{"train": "train2017", "validation": "val2017"}[s]}
	}},
	{"annotations/instances_train.json", "annotations/instances_val.json", func(s string) []string {
		short := map[string]string{"train": "train", "validation": "val"}[s]
		return []string{"images/" + short, short, "images"}
	}},
	{"annotations/instances_Train.json", "annotations/instances_Validation.json", func(s string) []string {
		short := map[string]string{"train": "Train", "validation": "Validation"}[s]
		return []string{"images/" + short, "images"}
	}},
	{"annotations/instances_default.json", "", func(string) []string { return []string{"images/default", "images", "."} }},
	{"train/_annotations.coco.json", "valid/_annotations.coco.json", func(s string) []string {
		return []string{map[string]string{"train": "train", "validation": "valid"}[s]}
	}},
	{"result.json", "", func(string) []string { return []string{"."} }},
	{"annotations.json", "", func(string) []string { return []string{"."} }},
	{"instances.json", "", func(string) []string { return []string{"images", "."} }},
}

// findParts looks into a folder.
func findParts(folder string) ([]part, error) {
	for _, l := range layouts {
		file := filepath.Join(folder, filepath.FromSlash(l.train))
		if _, err := os.Stat(file); err != nil {
			continue
		}
		parts := []part{{file, firstFolder(folder, l.folders("train"))}}
		if l.validation == "" {
			return parts, nil
		}
		if file := filepath.Join(folder, filepath.FromSlash(l.validation)); fileThere(file) {
			parts = append(parts, part{file, firstFolder(folder, l.folders("validation"))})
		}
		return parts, nil
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return nil, fmt.Errorf("detection: %w", err)
	}
	switch len(files) {
	case 0:
		return nil, fmt.Errorf("detection: %s has no annotations: name the instances file, coco:INSTANCES.json,%[1]s", folder)
	case 1:
		return []part{{file: files[0]}}, nil
	}
	return nil, fmt.Errorf("detection: %s has %d JSON files, %s and others: name one, coco:%s,%s", folder, len(files), filepath.Base(files[0]), files[0], folder)
}

func fileThere(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}

func firstFolder(root string, folders []string) string {
	for _, f := range folders {
		path := filepath.Join(root, filepath.FromSlash(f))
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			return path
		}
	}
	return root
}

// WithClassesOf gives the data set the categories of another one, that which a detector
// was trained on, by name. Objects of other categories are left out and counted.
func (d *Dataset) WithClassesOf(other *Dataset) (*Dataset, error) {
	if slices.Equal(d.Classes(), other.Classes()) {
		s := *d
		s.Categories = other.Categories
		return &s, nil
	}
	classOf := make([]int, len(d.Categories))
	for k, c := range d.Categories {
		classOf[k] = slices.Index(other.Classes(), c.Name)
	}
	s := *d
	s.Categories = other.Categories
	s.Pictures = slices.Clone(d.Pictures)
	var left faults
	for i := range s.Pictures {
		p := &s.Pictures[i]
		var known []Object
		for _, o := range p.Objects {
			class := classOf[o.Class]
			if class < 0 {
				left.add("objects left out of classes that are not trained", "annotation %d, %q", o.ID, d.Categories[o.Class].Name)
				continue
			}
			o.Class = class
			known = append(known, o)
		}
		p.Objects = known
	}
	s.notes = append(slices.Clone(d.notes), left.notes(d.name)...)
	if s.Objects() == 0 {
		return nil, fmt.Errorf("detection: no object of %s is of a class of %s, which are %s", d.name, other.name, quoted(other.Classes()))
	}
	return &s, nil
}

// quoted lists names, of many the first ones.
func quoted(names []string) string {
	const most = 5
	var list []string
	for _, n := range names[:min(len(names), most)] {
		list = append(list, fmt.Sprintf("%q", n))
	}
	text := strings.Join(list, ", ")
	if more := len(names) - most; more > 0 {
		text += fmt.Sprintf(" and %s more", progress.Count(int64(more)))
	}
	return text
}
