package builders

import (
	"fmt"

	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
)

// encoder is a backbone with its projector: base_encoder.* and base_encoder.head.*.
type encoder struct {
	vit  *ViT
	head *Head
}

func newEncoder(s Scope, c Config) *encoder {
	return &encoder{vit: NewViT(s, c), head: NewHead(s.Sub("head"), c.ProjLayers, c.Dim, c.Hidden, c.OutDim)}
}

func (e *encoder) forward(x *onnxgraph.Value, drop DropPath) *onnxgraph.Value {
	defer x.Graph().Scope("encoder")()
	return e.head.Forward(e.vit.ForwardClass(x, drop))
}

// Siamese is what contrastive methods share: a query branch (encoder and
// predictor), a key branch without gradient, the feeds of a batch and the
// hyper-parameters. A Method combines them into losses.
type Siamese struct {
	Config      Config
	Temperature *onnxgraph.Value // [1]

	graph     *onnxgraph.Graph
	query     *encoder
	predictor *Head
	momentum  *encoder // nil: keys come from query
	batch     []Port
	encoded   map[string]*onnxgraph.Value // the query encoder's result by feed
	dropRows  int                         // rows of the drop-path mask that passes have taken
	dropMask  *onnxgraph.Value
	anyBatch  bool // the first feed is of any number of images

	statistics *runningStatistics // of all branches' batch norms; nil: none are kept
}

// Images declares a feed of images [batch 3 side side].
func (m *Siamese) Images(name string, side int) *onnxgraph.Value {
	return m.feed(name, m.Config.Batch, 3, side, side)
}

// Target declares a feed of soft targets [batch batch]: rows are queries,
// columns keys.
func (m *Siamese) Target(name string) *onnxgraph.Value {
	return m.feed(name, m.Config.Batch, m.Config.Batch)
}

func (m *Siamese) feed(name string, shape ...int) *onnxgraph.Value {
	m.batch = append(m.batch, Port{Name: name, DType: onnxgraph.Float32.String(), Shape: shape})
	if m.anyBatch && len(m.batch) == 1 {
		shape = append([]int{onnxgraph.Dynamic}, shape[1:]...)
		return m.graph.Input(name, onnxgraph.Float32, shape...).NameDims("N", "", "", "")
	}
	return m.graph.Input(name, onnxgraph.Float32, shape...)
}

// Query is predictor(encoder(x)), x [rows 3 S S]; rows may be several batches
// put together, which then share batch-norm statistics.
func (m *Siamese) Query(x *onnxgraph.Value) *onnxgraph.Value {
	defer m.graph.Scope("q_" + x.Name)()
	return m.predict(m.encode(x))
}

func (m *Siamese) predict(z *onnxgraph.Value) *onnxgraph.Value {
	defer m.graph.Scope("predictor")()
	return m.predictor.Forward(z)
}

func (m *Siamese) encode(x *onnxgraph.Value) *onnxgraph.Value {
	drop := DropPath{}
	if m.Config.DropPath > 0 {
		drop = DropPath{mask: m.dropMask, first: m.dropRows}
		m.dropRows += x.Shape[0]
	}
	m.statistics.next(m.batch, x)
	z := m.query.forward(x, drop)
	m.encoded[x.Name] = z
	return z
}

// Key is the embedding of x without gradient: by the momentum encoder, or by the
// encoder itself. Nothing is dropped in a key.
func (m *Siamese) Key(x *onnxgraph.Value) *onnxgraph.Value {
	if m.momentum == nil && m.Config.DropPath == 0 && m.encoded[x.Name] != nil {
		return op.StopGradient(m.encoded[x.Name]) // the query pass has computed it
	}
	defer m.graph.Scope("k_" + x.Name)()
	branch := m.momentum
	if branch == nil {
		branch = m.query
	}
	m.statistics.next(m.batch, x)
	return op.StopGradient(branch.forward(x, DropPath{}))
}

// LocalQueries encodes local crops of one kind as one batch, with common
// batch-norm statistics, and gives the query of each feed, in order.
func (m *Siamese) LocalQueries(crops []*onnxgraph.Value) []*onnxgraph.Value {
	if len(crops) == 0 {
		return nil
	}
	defer m.graph.Scope("local")()
	all := crops[0]
	if len(crops) > 1 {
		all = op.Concat(0, crops...)
	}
	sizes := make([]int, len(crops))
	for i := range sizes {
		sizes[i] = m.Config.Batch
	}
	q := m.predict(m.encode(all))
	if len(crops) == 1 {
		return []*onnxgraph.Value{q}
	}
	return op.Split(q, 0, sizes...)
}

// LocalCrops declares the feeds local0, local1, ... with a suffix.
func (m *Siamese) LocalCrops(suffix string) []*onnxgraph.Value {
	var crops []*onnxgraph.Value
	for c := range m.Config.LocalCrops {
		crops = append(crops, m.Images(fmt.Sprintf("local%d%s", c, suffix), m.Config.LocalSize))
	}
	return crops
}

// Contrast is ContrastiveLoss at the step's temperature.
func (m *Siamese) Contrast(q, k, target *onnxgraph.Value) *onnxgraph.Value {
	return ContrastiveLoss(q, k, target, m.Temperature)
}
