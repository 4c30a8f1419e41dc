package kernels_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pmx/onnxgraph"
	_ "pmx/onnxgraph/op"
	"pmx/runtimes"
	"pmx/runtimes/kernels"
)

// operand is the shape of an input; a positive one is drawn above 0.
type operand struct {
	shape    []int
	positive bool
	fixed    []float64 // values, if not nil
	integers []int64   // a constant, if not nil
}

func free(shape ...int) operand     { return operand{shape: shape} }
func positive(shape ...int) operand { return operand{shape: shape, positive: true} }

// sizes are what cases draw their shapes from: single rows, sizes around the
// widths of vectors, tiles and blocks, and odd ones.
var sizes = []int{1, 2, 3, 5, 7, 8, 15, 16, 17, 31, 33, 64, 65, 96, 97, 130}

func pick(rng *rand.Rand) int { return sizes[rng.IntN(len(sizes))] }

// cases draws the operands and attributes of each operator that has a kernel.
var cases = map[string]func(rng *rand.Rand) ([]operand, onnxgraph.Attributes){
	"pmx.Linear":     linear,
	"pmx.LinearGelu": linear,
	"pmx.LinearGradInput": func(rng *rand.Rand) ([]operand, onnxgraph.Attributes) {
		n, o, i := matrix(rng)
		return []operand{free(n, o), free(o, i)}, nil
	},
	"pmx.LinearGradWeight": func(rng *rand.Rand) ([]operand, onnxgraph.Attributes) {
		n, o, i := matrix(rng)
		return []operand{free(n, o), free(n, i)}, nil
	},
	"pmx.Attention":      func(rng *rand.Rand) ([]operand, onnxgraph.Attributes) { return attention(rng, false, 0) },
	"pmx.AttentionGrad":  func(rng *rand.Rand) ([]operand, onnxgraph.Attributes) { return attention(rng, true, 0) },
	"pmx.ClassAttention": func(rng *rand.Rand) ([]operand, onnxgraph.Attributes) { return attention(rng, false, 1) },
	"pmx.ClassAttentionGrad": func(rng *rand.Rand) ([]operand, onnxgraph.Attributes) {
		return attention(rng, true, 1)
	},
	"pmx.RelativeAttention": func(rng *rand.Rand) ([]operand, onnxgraph.Attributes) {
		return relativeAttention(rng, false)
	},
	"pmx.RelativeAttentionGrad": func(rng *rand.Rand) ([]operand, onnxgraph.Attributes) {
		return relativeAttention(rng, true)
	},
	"pmx.LayerNorm": func(rng *rand.Rand) ([]operand, onnxgraph.Attributes) {
		x, d := rows(rng)
		return []operand{free(x...), free(d), free(d)}, onnxgraph.Attributes{"epsilon": float32(1e-6)}
	},
	"pmx.AddLayerNormalization": func(rng *rand.Rand) ([]operand, onnxgraph.Attributes) {
		x, d := rows(rng)
		return []operand{free(x...), free(x...), free(d), free(d)}, onnxgraph.Attributes{"epsilon": float32(1e-6)}
	},
	"pmx.AddLayerNormalizationGrad": func(rng *rand.Rand) ([]operand, onnxgraph.Attributes) {
		x, d := rows(rng)
		saved := append(slices.Clone(x[:len(x)-1]), 1)
		return []operand{free(x...), free(x...), free(x...), free(d), free(saved...), positive(saved...)}, nil
	},
	"com.microsoft.LayerNormalizationGrad": func(rng *rand.Rand) ([]operand, onnxgraph.Attributes) {
		x, d := rows(rng)
		saved := append(slices.Clone(x[:len(x)-1]), 1)
		return []operand{free(x...), free(x...), free(d), free(saved...), positive(saved...)}, onnxgraph.Attributes{"axis": int64(-1)}
	},
	"com.microsoft.GeluGrad": func(rng *rand.Rand) ([]operand, onnxgraph.Attributes) {
		n := pick(rng) * pick(rng)
		return []operand{free(n), free(n)}, nil
	},
	"com.microsoft.SoftmaxGrad_13": func(rng *rand.Rand) ([]operand, onnxgraph.Attributes) {
		x, _ := rows(rng)
		return []operand{free(x...), probabilities(rng, false, x...)}, onnxgraph.Attributes{"axis": int64(-1)}
	},
	"com.microsoft.LogSoftmaxGrad_13": func(rng *rand.Rand) ([]operand, onnxgraph.Attributes) {
		x, _ := rows(rng)
		return []operand{free(x...), probabilities(rng, true, x...)}, onnxgraph.Attributes{"axis": int64(len(x) - 1)}
	},
	"pmx.SoftTargetCrossEntropy": func(rng *rand.Rand) ([]operand, onnxgraph.Attributes) {
		n, m := pick(rng), pick(rng)
		return []operand{free(n, m), probabilities(rng, false, n, m)}, nil
	},
	"pmx.SoftTargetCrossEntropyGrad": func(rng *rand.Rand) ([]operand, onnxgraph.Attributes) {
		n, m := pick(rng), pick(rng)
		return []operand{free(1), probabilities(rng, false, n, m), probabilities(rng, false, n, m)}, nil
	},
	"pmx.BatchNormTraining": func(rng *rand.Rand) ([]operand, onnxgraph.Attributes) {
		n, c := 2+batchRows(rng), pick(rng)
		return []operand{free(n, c), free(c), free(c)}, onnxgraph.Attributes{"epsilon": float32(1e-5)}
	},
	"com.microsoft.BatchNormalizationGrad": func(rng *rand.Rand) ([]operand, onnxgraph.Attributes) {
		n, c := batchRows(rng), pick(rng)
		return []operand{free(n, c), free(n, c), free(c), free(c), positive(c)}, nil
	},
	"pmx.AdamW": func(rng *rand.Rand) ([]operand, onnxgraph.Attributes) {
		n := pick(rng) * pick(rng)
		number := func(v float64) operand { return operand{shape: []int{1}, fixed: []float64{v}} }
		return []operand{free(n), free(n), free(n), positive(n), number(1e-3), number(0.04), number(0.19), number(0.0447)},
			onnxgraph.Attributes{"alpha": float32(0.9), "beta": float32(0.999), "epsilon": float32(1e-8)}
	},
	"pmx.EMA": func(rng *rand.Rand) ([]operand, onnxgraph.Attributes) {
		n := pick(rng) * pick(rng)
		return []operand{free(n), free(n), {shape: []int{1}, fixed: []float64{0.996}}}, nil
	},
	"pmx.RoiAlignGrad": regions,
}

// regions draws boxes in a map, from less than a position to all of it.
func regions(rng *rand.Rand) ([]operand, onnxgraph.Attributes) {
	n, r, c, height, width := 1+rng.IntN(2), 1+rng.IntN(9), pick(rng), 1+rng.IntN(33), 1+rng.IntN(33)
	boxes := operand{shape: []int{n, r, 4}}
	for range n * r {
		x, y := rng.Float64()*float64(width-1), rng.Float64()*float64(height-1)
		boxes.fixed = append(boxes.fixed, x, y, x+rng.Float64()*(float64(width)-x), y+rng.Float64()*(float64(height)-y))
	}
	shape := operand{shape: []int{4}, integers: []int64{int64(n), int64(c), int64(height), int64(width)}}
	bins := []int{1, 2, 7, 14}
	return []operand{free(n, r, c, bins[rng.IntN(4)], bins[rng.IntN(4)]), boxes, shape},
		onnxgraph.Attributes{"sampling_ratio": int64(max(0, rng.IntN(4)-1))}
}

// batchRows draws the rows that batch norm takes the statistics of: half of the time
// those of a large batch.
func batchRows(rng *rand.Rand) int {
	return pick(rng) + rng.IntN(2)*4096
}

// matrix draws N, O and I of a linear layer; now and then one is large enough to
// be cut into blocks, or, where products sum over it, into chunks, or the only one
// above 1.
func matrix(rng *rand.Rand) (n, o, i int) {
	side := []int{pick(rng), pick(rng), pick(rng)}
	k := rng.IntN(3)
	switch rng.IntN(8) {
	case 0, 1, 2:
		side[k] += 400
	case 3:
		side[(k+1)%3], side[(k+2)%3] = 1, 1
	case 4, 5:
		side[k] += 1536
	}
	return side[0], side[1], side[2]
}

func linear(rng *rand.Rand) ([]operand, onnxgraph.Attributes) {
	n, o, i := matrix(rng)
	return []operand{free(n, i), free(o, i), free(o)}, nil
}

// rows draws rows [... d] of two elements or more: of one there is nothing to
// normalise, and what is left is the rounding of 0.
func rows(rng *rand.Rand) (x []int, d int) {
	d = max(2, pick(rng))
	return []int{1 + rng.IntN(3), pick(rng), d}, d
}

// probabilities draws rows that sum to 1, from large parts of it to tiny ones, or
// their logarithms.
func probabilities(rng *rand.Rand, logarithm bool, shape ...int) operand {
	o := operand{shape: shape, fixed: make([]float64, onnxgraph.Shape(shape).Size())}
	for row := range slices.Chunk(o.fixed, shape[len(shape)-1]) {
		sum := 0.0
		for i := range row {
			row[i] = 8 * rng.NormFloat64()
			sum += math.Exp(row[i])
		}
		for i := range row {
			row[i] -= math.Log(sum)
			if !logarithm {
				row[i] = math.Exp(row[i])
			}
		}
	}
	return o
}

func attention(rng *rand.Rand, gradient bool, queries int) ([]operand, onnxgraph.Attributes) {
	b, t, heads, d := 1+rng.IntN(3), pick(rng), 1+rng.IntN(3), pick(rng)
	if rng.IntN(6) == 0 { // queries are then taken some at a time
		b, t, heads = 1, 257+rng.IntN(64), 1
	}
	if queries == 0 {
		queries = t
	}
	attributes := onnxgraph.Attributes{"num_heads": int64(heads), "scale": float32(1 / math.Sqrt(float64(d)))}
	qkv := free(b, t, 3*heads*d)
	if !gradient {
		return []operand{qkv}, attributes
	}
	return []operand{free(b, queries, heads*d), qkv}, attributes
}

func relativeAttention(rng *rand.Rand, gradient bool) ([]operand, onnxgraph.Attributes) {
	b, h, w, heads, d := 1+rng.IntN(3), 1+rng.IntN(9), 1+rng.IntN(17), 1+rng.IntN(3), pick(rng)
	if rng.IntN(6) == 0 { // queries are then taken some at a time
		b, h, w, heads = 1, 17+rng.IntN(2), 16+rng.IntN(2), 1
	}
	operands := []operand{free(b, h*w, 3*heads*d), free(2*h-1, d), free(2*w-1, d)}
	if gradient {
		operands = append([]operand{free(b, h*w, heads*d)}, operands...)
	}
	return operands, onnxgraph.Attributes{"num_heads": int64(heads), "scale": float32(1 / math.Sqrt(float64(d)))}
}

// magnitudes are those of a case's operands in turn; where there are several, sums
// have terms of different sizes.
var magnitudes = [][]float64{{1}, {1}, {1e-12}, {1e6}, {1e-18}, {1e15}, {1, 1e-5, 1e4}}

// TestAccuracy compares each kernel, for each instruction set of this processor,
// with its operator's body in float64, over random shapes and magnitudes. What it
// may be off by is measured: three times the error of the body itself in float32 on
// ONNX Runtime, or three times what the result changes by if every input is rounded
// once more, and half a dozen roundings of the largest entry.
func TestAccuracy(t *testing.T) {
	runtime := openORT(t)
	for _, name := range kernels.Names() {
		draw := cases[name]
		if draw == nil {
			t.Errorf("no case for %s", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			compared := 0
			for i := range 5 * len(magnitudes) {
				magnitude := magnitudes[i%len(magnitudes)]
				operands, attributes := draw(rng)
				c := newCase(t, rng, name, operands, attributes, magnitude...)
				body, rounding := c.errors(t, runtime, "off"), c.conditions(t, rng)
				for _, isa := range kernels.ISAs() {
					for k, e := range c.errors(t, runtime, isa) {
						if math.IsNaN(body[k]) || math.IsInf(body[k], 0) {
							continue // beyond float32
						}
						compared++
						if limit := 3*max(body[k], rounding[k]) + 6*0x1p-24; !(e <= limit) {
							t.Errorf("case %d (%s, magnitude %g), output %d, %s: off by %.2g of the largest entry, the body by %.2g, a rounding of the inputs by %.2g",
								i, c.sizes, magnitude, k, isa, e, body[k], rounding[k])
						}
					}
				}
			}
			if least := 4 * len(magnitudes) * len(kernels.ISAs()); compared < least {
				t.Errorf("%d results compared, want %d at least: too much is beyond float32", compared, least)
			}
		})
	}
}

// TestThreadsDoNotMatter checks that one thread and two give the same bits.
func TestThreadsDoNotMatter(t *testing.T) {
	runtime := openORT(t)
	for _, name := range kernels.Names() {
		if cases[name] == nil {
			continue // TestAccuracy reports it
		}
		rng := rand.New(rand.NewPCG(3, 4))
		for range 4 {
			operands, attributes := cases[name](rng)
			c := newCase(t, rng, name, operands, attributes, 1)
			one := c.run(t, runtime, runtimes.Options{Threads: 1})
			two := c.run(t, runtime, runtimes.Options{Threads: 2})
			for k := range one {
				if !slices.Equal(one[k].Bytes(), two[k].Bytes()) {
					t.Errorf("%s (%s): output %d depends on the threads", name, c.sizes, k)
				}
			}
		}
	}
}

// TestNotANumber checks that no kernel hides what has gone wrong before it: where an
// operator's definition gives no number, neither does the kernel.
func TestNotANumber(t *testing.T) {
	runtime := openORT(t)
	for _, name := range kernels.Names() {
		if cases[name] == nil {
			continue // TestAccuracy reports it
		}
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(5, 6))
			for range 4 {
				operands, attributes := cases[name](rng)
				for spoilt, o := range operands {
					if o.integers != nil {
						continue
					}
					c := newCase(t, rng, name, operands, attributes, 1)
					x := onnxgraph.Data[float32](c.feeds[fmt.Sprintf("in%d", spoilt)])
					x[rng.IntN(len(x))] = float32(math.NaN())
					want, err := onnxgraph.Eval(c.model.Graph, c.feeds)
					if err != nil {
						t.Fatal(err)
					}
					for _, isa := range kernels.ISAs() {
						for k, got := range c.run(t, runtime, runtimes.Options{Kernels: isa}) {
							w := want[c.model.Graph.Outputs()[k].Name].Float64s()
							for i, v := range got.Float64s() {
								if math.IsNaN(w[i]) && !math.IsNaN(v) {
									t.Fatalf("%s (%s): NaN in input %d leaves element %d of output %d at %g", isa, c.sizes, spoilt, i, k, v)
								}
							}
						}
					}
				}
			}
		})
	}
}

// TestBatchNormOfManyRows: sums over the rows of a large batch keep the digits of a
// float32. The values are positive, so that nothing cancels, and eight roundings are
// enough where each sum in float32 is short; one sum over all rows loses seven times that.
func TestBatchNormOfManyRows(t *testing.T) {
	const rows, columns, tolerance = 8192, 33, 8 * 0x1p-24
	for _, name := range []string{"pmx.BatchNormTraining", "com.microsoft.BatchNormalizationGrad"} {
		operands := []operand{positive(rows, columns), positive(columns), positive(columns)}
		if name == "com.microsoft.BatchNormalizationGrad" {
			operands = []operand{positive(rows, columns), positive(rows, columns), positive(columns), {shape: []int{columns}, fixed: make([]float64, columns)}, positive(columns)}
		}
		c := newCase(t, rand.New(rand.NewPCG(11, 12)), name, operands, nil, 1)
		for _, isa := range kernels.ISAs() {
			for k, e := range c.errors(t, openORT(t), isa) {
				if !(e <= tolerance) {
					t.Errorf("%s, %s: output %d is off by %.2g of its largest entry, want at most %.2g", name, isa, k, e, tolerance)
				}
			}
		}
	}
}

// TestAdamWUpdate holds the update itself to float64, entry by entry, where it is all
// that a parameter is: with gradients from far above epsilon to far below it, none of
// which the size of the parameters may hide.
func TestAdamWUpdate(t *testing.T) {
	const lr, decay, c1, c2, beta1, beta2, epsilon = 1e-3, 0.04, 0.19, 0.0447, 0.9, 0.999, 1e-8
	var zeros, g, m, v []float64
	for exponent := -3.0; exponent >= -13; exponent -= 0.125 {
		size := float64(float32(math.Pow(10, exponent)))
		zeros, g, m, v = append(zeros, 0), append(g, size), append(m, -2*size), append(v, float64(float32(size*size*1e-3)))
	}
	number := func(x float64) operand { return operand{shape: []int{1}, fixed: []float64{x}} }
	list := func(x []float64) operand { return operand{shape: []int{len(x)}, fixed: x} }
	operands := []operand{list(zeros), list(g), list(m), list(v), number(lr), number(decay), number(c1), number(c2)}
	c := newCase(t, nil, "pmx.AdamW", operands, onnxgraph.Attributes{"alpha": float32(beta1), "beta": float32(beta2), "epsilon": float32(epsilon)}, 1)
	for _, isa := range append(kernels.ISAs(), "off") {
		got := c.run(t, openORT(t), runtimes.Options{Kernels: isa})[0].Float64s()
		for i := range g {
			mean, square := beta1*m[i]+(1-beta1)*g[i], beta2*v[i]+(1-beta2)*g[i]*g[i]
			want := -lr / c1 * mean / (math.Sqrt(square)/c2 + epsilon)
			if !(math.Abs(got[i]-want) <= 1e-6*math.Abs(want)) {
				t.Errorf("%s: the update by a gradient of %.3g is %.9g, want %.9g", isa, g[i], got[i], want)
			}
		}
	}
}

// TestGeluGradFarOut checks values whose square is beyond float32.
func TestGeluGradFarOut(t *testing.T) {
	x := []float64{-1e30, -40, -15, 15, 40, 1e30, 0, math.Inf(1)}
	ones := slices.Repeat([]float64{1}, len(x))
	n := len(x)
	c := newCase(t, nil, "com.microsoft.GeluGrad", []operand{{shape: []int{n}, fixed: ones}, {shape: []int{n}, fixed: x}}, nil, 1)
	want := []float64{0, 0, 0, 1, 1, 1, 0.5, 1}
	for _, isa := range kernels.ISAs() {
		got := c.run(t, openORT(t), runtimes.Options{Kernels: isa})[0].Float64s()
		for i := range x {
			if !(math.Abs(got[i]-want[i]) < 1e-6) {
				t.Errorf("%s: gradient at %g is %g, want %g", isa, x[i], got[i], want[i])
			}
		}
	}
}

// oneNode is a model of one operator, with inputs.
type oneNode struct {
	model *onnxgraph.Model
	feeds map[string]*onnxgraph.Tensor
	want  map[string]*onnxgraph.Tensor // float64
	sizes string
}

func newCase(t *testing.T, rng *rand.Rand, name string, operands []operand, attributes onnxgraph.Attributes, magnitude ...float64) *oneNode {
	t.Helper()
	c := &oneNode{feeds: map[string]*onnxgraph.Tensor{}}
	g, err := onnxgraph.Build("kernel", func(g *onnxgraph.Graph) {
		var in []*onnxgraph.Value
		for i, o := range operands {
			input := fmt.Sprintf("in%d", i)
			if o.integers != nil {
				in = append(in, g.Const(onnxgraph.NewTensor(o.shape, o.integers)))
				continue
			}
			in = append(in, g.Input(input, onnxgraph.Float32, o.shape...))
			c.feeds[input] = o.draw(rng, magnitude[i%len(magnitude)])
			c.sizes += fmt.Sprint(o.shape)
		}
		for k, v := range onnxgraph.ApplyNode(name, attributes, in...).Outputs {
			g.Output(fmt.Sprintf("out%d", k), v)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.want, err = onnxgraph.Eval(g, c.feeds); err != nil {
		t.Fatal(err)
	}
	c.model = &onnxgraph.Model{Graph: g}
	return c
}

func (o operand) draw(rng *rand.Rand, magnitude float64) *onnxgraph.Tensor {
	data := make([]float32, onnxgraph.Shape(o.shape).Size())
	for i := range data {
		switch {
		case o.fixed != nil:
			data[i] = float32(o.fixed[i])
		case o.positive:
			data[i] = float32((0.1 + rng.Float64()) * magnitude)
		default:
			data[i] = float32(rng.NormFloat64() * magnitude)
		}
	}
	return onnxgraph.NewTensor(o.shape, data)
}

func (c *oneNode) run(t *testing.T, runtime runtimes.Runtime, o runtimes.Options) []*onnxgraph.Tensor {
	t.Helper()
	session, err := runtime.NewInference(c.model, o)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	got, err := session.Run(c.feeds)
	if err != nil {
		t.Fatal(err)
	}
	var out []*onnxgraph.Tensor
	for _, v := range c.model.Graph.Outputs() {
		out = append(out, got[v.Name])
	}
	return out
}

// errors is how far each output is from float64, as a part of its largest entry.
func (c *oneNode) errors(t *testing.T, runtime runtimes.Runtime, isa string) []float64 {
	t.Helper()
	var out []float64
	for k, tensor := range c.run(t, runtime, runtimes.Options{Kernels: isa}) {
		out = append(out, distance(tensor.Float64s(), c.want[c.model.Graph.Outputs()[k].Name].Float64s()))
	}
	return out
}

// conditions is how far each output moves in float64 if every input is off by one
// rounding of float32, the most of a few draws: what the last digits of the inputs
// decide, no float32 computation can know.
func (c *oneNode) conditions(t *testing.T, rng *rand.Rand) []float64 {
	t.Helper()
	out := make([]float64, len(c.model.Graph.Outputs()))
	for range 6 {
		moved := map[string]*onnxgraph.Tensor{}
		for name, feed := range c.feeds {
			data := feed.Float64s()
			for i := range data {
				data[i] *= 1 + 0x1p-24*(2*rng.Float64()-1)
			}
			moved[name] = onnxgraph.NewTensor(feed.Shape(), data)
		}
		got, err := onnxgraph.Eval(c.model.Graph, moved)
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range c.model.Graph.Outputs() {
			out[k] = max(out[k], distance(got[v.Name].Float64s(), c.want[v.Name].Float64s()))
		}
	}
	return out
}

// underflow is where float32 loses digits: what is smaller counts as 0.
const underflow = 0x1p-126

// distance is the largest difference from want, as a part of its largest entry.
func distance(got, want []float64) float64 {
	worst, largest := 0.0, underflow
	for i, v := range got {
		largest = math.Max(largest, math.Abs(want[i]))
		if d := math.Abs(v - want[i]); d > worst || math.IsNaN(d) {
			worst = d
		}
	}
	return worst / largest
}
