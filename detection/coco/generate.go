package coco

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strconv"
)

// Synthetic describes a made-up dataset with detections, of the size and the
// statistics of COCO, for benchmarks and trials. The same values give the same
// bytes on every machine of one architecture.
type Synthetic struct {
	Images     int
	Objects    float64 // annotated objects of an image, on average; COCO has 7.3
	Points     int     // points of an outline, on average; COCO has about 45 numbers
	Categories int     // ids have holes, as COCO's
	Detections int     // of each image
	Masks      bool    // detections have a segmentation instead of a bbox
	Seed       uint64
}

// DefaultSynthetic has the shape of COCO val2017 with 100 detections an image.
func DefaultSynthetic() Synthetic {
	return Synthetic{Images: 5000, Objects: 7.3, Points: 22, Categories: 80, Detections: 100, Seed: 1}
}

// Validate tells which value is wrong, if any is, by the name of its flag.
func (s Synthetic) Validate() error {
	for _, v := range []struct {
		name               string
		value, least, most float64
	}{
		{"images", float64(s.Images), 1, 1e9}, {"objects", s.Objects, 0, 1e3}, {"points", float64(s.Points), 3, 1e6},
		{"categories", float64(s.Categories), 1, 1e6}, {"detections", float64(s.Detections), 0, 1e6},
	} {
		if !(v.value >= v.least && v.value <= v.most) {
			return fmt.Errorf("coco: %s %.10g: want %.0f to %.0f", v.name, v.value, v.least, v.most)
		}
	}
	return nil
}

// crowdShare is the part of the annotations that are crowds, as in COCO.
const crowdShare = .012

// object is a made-up object: a star-shaped outline in a box.
type object struct {
	category int // index
	box      XYXY
	outline  Polygon
	crowd    bool
}

// scene is a made-up image.
type scene struct {
	height, width int
	objects       []object
}

var sceneSizes = [][2]int{{480, 640}, {427, 640}, {640, 480}, {640, 427}, {426, 640}, {500, 333}, {612, 612}}

// scene makes image number i, and returns the generator to continue with.
func (s Synthetic) scene(i int) (scene, *rand.Rand) {
	rng := rand.New(rand.NewPCG(s.Seed, uint64(i)))
	size := sceneSizes[rng.IntN(len(sceneSizes))]
	sc := scene{height: size[0], width: size[1]}
	// Counts of objects are skewed: many images have few.
	n := int(math.Round(rng.ExpFloat64() * s.Objects))
	for range min(n, 90) {
		o := object{category: s.category(rng), crowd: rng.Float64() < crowdShare}
		// Sides are log-uniform from 8 pixels to the whole image.
		w := 8 * math.Exp(rng.Float64()*math.Log(float64(sc.width)/8))
		h := min(w*math.Exp(rng.NormFloat64()*.4), float64(sc.height))
		x, y := rng.Float64()*(float64(sc.width)-w), rng.Float64()*(float64(sc.height)-h)
		o.box = XYXY{x, y, x + w, y + h}
		o.outline = s.outline(rng, o.box)
		sc.objects = append(sc.objects, o)
	}
	return sc, rng
}

// category draws an index; the first is by far the most frequent, as people are.
func (s Synthetic) category(rng *rand.Rand) int {
	if rng.Float64() < .3 {
		return 0
	}
	u := rng.Float64()
	return int(u * u * float64(s.Categories))
}

// categoryID leaves out every tenth id.
func categoryID(index int) int { return index + 1 + index/9 }

// outline draws a star-shaped outline into a box, with two decimals.
func (s Synthetic) outline(rng *rand.Rand, b XYXY) Polygon {
	n := max(3, int(float64(s.Points)*(.5+rng.Float64())))
	cx, cy := (b[0]+b[2])/2, (b[1]+b[3])/2
	p := make(Polygon, 0, 2*n)
	for i := range n {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / float64(n))
		r := .5 * (.7 + .3*rng.Float64())
		p = append(p, hundredths(cx+r*cos*(b[2]-b[0])), hundredths(cy+r*sin*(b[3]-b[1])))
	}
	return p
}

func hundredths(v float64) float64 { return math.Round(v*100) / 100 }

// WriteDataset writes the instances file, image by image.
func (s Synthetic) WriteDataset(w io.Writer) error {
	if err := s.Validate(); err != nil {
		return err
	}
	out := jsonWriter{w: bufio.NewWriterSize(w, 1<<16)}
	out.text(`{"info": {"description": "synthetic, by pmx detect generate"}, "licenses": [], "images": [`)
	for i := range s.Images {
		sc, _ := s.scene(i)
		out.separate(i)
		out.format(`{"license": 1, "file_name": "%012d.jpg", "coco_url": "", "height": %d, "width": %d, "date_captured": "2013-11-14 11:18:45", "id": %d}`,
			i+1, sc.height, sc.width, i+1)
	}
	out.text(`], "annotations": [`)
	id := 0
	for i := range s.Images {
		sc, _ := s.scene(i)
		for _, o := range sc.objects {
			out.separate(id)
			id++
			shape := Segmentation{Polygons: []Polygon{o.outline}}
			box, _ := shape.box()
			area, _ := shape.area()
			out.text(`{"segmentation": `)
			if o.crowd {
				r, err := shape.Rasterise(sc.height, sc.width)
				if err != nil {
					return err
				}
				out.format(`{"counts": `)
				out.integers(r.Counts)
				out.format(`, "size": [%d, %d]}`, r.Height, r.Width)
			} else {
				out.text("[")
				out.floats(o.outline)
				out.text("]")
			}
			out.text(`,"area": `)
			out.float(area)
			crowd := 0
			if o.crowd {
				crowd = 1
			}
			out.format(`,"iscrowd": %d,"image_id": %d,"bbox": `, crowd, i+1)
			for k, v := range box {
				box[k] = hundredths(v)
			}
			out.floats(box[:])
			out.format(`,"category_id": %d,"id": %d}`, categoryID(o.category), id)
		}
	}
	out.text(`], "categories": [`)
	for c := range s.Categories {
		out.separate(c)
		out.format(`{"supercategory": "synthetic", "id": %d, "name": "category %d"}`, categoryID(c), c+1)
	}
	out.text("]}\n")
	return out.flush()
}

// WriteResults writes the results file: half of the detections lie near an
// object, and are the surer the nearer; the others lie anywhere. Scores have four
// decimals, so that some are equal.
func (s Synthetic) WriteResults(w io.Writer) error {
	if err := s.Validate(); err != nil {
		return err
	}
	out := jsonWriter{w: bufio.NewWriterSize(w, 1<<16)}
	out.text("[")
	var m masker
	var counts []byte
	for i := range s.Images {
		sc, rng := s.scene(i)
		for d := range s.Detections {
			category, box, score := s.detection(rng, &sc)
			out.separate(i*s.Detections + d)
			out.format(`{"image_id": %d, "category_id": %d, "score": `, i+1, categoryID(category))
			out.float(score)
			if s.Masks {
				shape := Segmentation{Polygons: []Polygon{s.outline(rng, box)}}
				runs, _, _, err := m.counts(&shape, sc.height, sc.width)
				if err != nil {
					return err
				}
				counts = appendCounts(counts[:0], runs)
				// A backslash is one of the characters that occur.
				out.format(`, "segmentation": {"size": [%d, %d], "counts": %s}}`, sc.height, sc.width, strconv.Quote(string(counts)))
				continue
			}
			b := box.XYWH()
			for k, v := range b {
				b[k] = hundredths(v)
			}
			out.text(`, "bbox": `)
			out.floats(b[:])
			out.text("}")
		}
	}
	out.text("]\n")
	return out.flush()
}

// detection makes one detection of a scene.
func (s Synthetic) detection(rng *rand.Rand, sc *scene) (category int, box XYXY, score float64) {
	if len(sc.objects) == 0 || rng.Float64() < .5 {
		w, h := rng.Float64()*float64(sc.width)/2+4, rng.Float64()*float64(sc.height)/2+4
		x, y := rng.Float64()*(float64(sc.width)-w), rng.Float64()*(float64(sc.height)-h)
		return s.category(rng), XYXY{x, y, x + w, y + h}, math.Round(rng.Float64()*.4*1e4) / 1e4
	}
	o := &sc.objects[rng.IntN(len(sc.objects))]
	category = o.category
	if rng.Float64() < .1 {
		category = s.category(rng)
	}
	w, h := o.box[2]-o.box[0], o.box[3]-o.box[1]
	off := rng.ExpFloat64() * .1
	shift := func(side float64) float64 { return rng.NormFloat64() * off * side }
	box = XYXY{o.box[0] + shift(w), o.box[1] + shift(h), o.box[2] + shift(w), o.box[3] + shift(h)}
	for k, limit := range [4]int{sc.width, sc.height, sc.width, sc.height} {
		box[k] = min(max(box[k], 0), float64(limit))
	}
	if box[2]-box[0] < 2 || box[3]-box[1] < 2 {
		box = o.box
	}
	score = min(max(1-2*off+rng.NormFloat64()*.15, 0), 1)
	return category, box, math.Round(score*1e4) / 1e4
}

// jsonWriter appends JSON to a buffer; errors wait for flush.
type jsonWriter struct {
	w       *bufio.Writer
	scratch []byte
}

func (j *jsonWriter) text(s string)                  { j.w.WriteString(s) }
func (j *jsonWriter) format(f string, values ...any) { fmt.Fprintf(j.w, f, values...) }

func (j *jsonWriter) separate(i int) {
	if i > 0 {
		j.text(", ")
	}
}

func (j *jsonWriter) float(v float64) {
	j.scratch = strconv.AppendFloat(j.scratch[:0], v, 'f', -1, 64)
	j.w.Write(j.scratch)
}

func (j *jsonWriter) floats(values []float64) {
	j.scratch = append(j.scratch[:0], '[')
	for i, v := range values {
		if i > 0 {
			j.scratch = append(j.scratch, ',')
		}
		j.scratch = strconv.AppendFloat(j.scratch, v, 'f', -1, 64)
	}
	j.w.Write(append(j.scratch, ']'))
}

func (j *jsonWriter) integers(values []uint32) {
	j.scratch = append(j.scratch[:0], '[')
	for i, v := range values {
		if i > 0 {
			j.scratch = append(j.scratch, ',')
		}
		j.scratch = strconv.AppendUint(j.scratch, uint64(v), 10)
	}
	j.w.Write(append(j.scratch, ']'))
}

func (j *jsonWriter) flush() error {
	if err := j.w.Flush(); err != nil {
		return fmt.Errorf("coco: %w", err)
	}
	return nil
}
