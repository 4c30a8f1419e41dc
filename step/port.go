package step

import (
	"fmt"
	"math/rand/v2"

	"pmx/onnxgraph"
)

// Port is an input of a batch.
type Port struct {
	Name  string `json:"name"`
	DType string `json:"dtype"`
	Shape []int  `json:"shape"`
	// Fill says what the port's numbers are like, so that benchmarks and tests can
	// feed any step.
	Fill Fill `json:"fill,omitempty"`
	// StandIn is the shape of such numbers, where it is not Shape with 1 for each
	// dimension that is not fixed.
	StandIn []int `json:"stand_in,omitempty"`
}

// Fill is a distribution of stand-in values for a port.
type Fill string

// The fills. Shapes are those of the ports that they are for.
const (
	Normal   Fill = "normal"   // N(0, 1): normalised images
	Ones     Fill = "ones"     // masks that leave nothing out
	Identity Fill = "identity" // [n m]: row b is all at column b mod m, as a target
	Uniform  Fill = "uniform"  // from [0, 1): random keys, probabilities
	Indices  Fill = "indices"  // whole numbers 0 and 1: labels
	Boxes    Fill = "boxes"    // [... 4]: x1 y1 x2 y2 with x1 < x2 and y1 < y2, in pixels up to 32
	Extent   Fill = "extent"   // [... 4]: w h w h of images of 32 pixels
)

// Feed makes stand-in values for a port, of the shape StandIn or, without one, with 1 for
// each dimension that is not fixed. A port without a fill, as files of version 1 have them, gets Normal.
func (p Port) Feed(rng *rand.Rand) (*onnxgraph.Tensor, error) {
	dtype, err := onnxgraph.ParseDType(p.DType)
	if err != nil {
		return nil, fmt.Errorf("step: port %s: %w", p.Name, err)
	}
	shape := make(onnxgraph.Shape, len(p.Shape))
	for i, d := range p.Shape {
		shape[i] = max(d, 1)
	}
	if p.StandIn != nil {
		shape = p.StandIn
	}
	last := 1
	if len(shape) > 0 {
		last = shape[len(shape)-1]
	}
	values := make([]float64, shape.Size())
	for i := range values {
		row, column := i/last, i%last
		switch p.Fill {
		case Normal, "":
			values[i] = rng.NormFloat64()
		case Ones:
			values[i] = 1
		case Identity:
			if row%last == column {
				values[i] = 1
			}
		case Uniform:
			values[i] = rng.Float64()
		case Indices:
			values[i] = float64(rng.IntN(2))
		case Boxes:
			values[i] = 12 * rng.Float64()
			if column >= 2 { // the far corner is beyond the near one
				values[i] += 16
			}
		case Extent:
			values[i] = 32
		default:
			return nil, fmt.Errorf("step: port %s has fill %q, which this pmx does not know", p.Name, p.Fill)
		}
	}
	return tensorOf(dtype, shape, values)
}

// tensorOf converts numbers to an element type of ports.
func tensorOf(dtype onnxgraph.DType, shape onnxgraph.Shape, values []float64) (*onnxgraph.Tensor, error) {
	t := onnxgraph.Zeros(dtype, shape)
	for i, v := range values {
		switch dtype {
		case onnxgraph.Float32:
			onnxgraph.Data[float32](t)[i] = float32(v)
		case onnxgraph.Float64:
			onnxgraph.Data[float64](t)[i] = v
		case onnxgraph.Int64:
			onnxgraph.Data[int64](t)[i] = int64(v)
		case onnxgraph.Uint8:
			onnxgraph.Data[uint8](t)[i] = uint8(v)
		default:
			return nil, fmt.Errorf("step: ports of %s have no stand-in values", dtype)
		}
	}
	return t, nil
}
