package builders

import (
	"pmx/onnxgraph"
	"pmx/onnxgraph/op"
	"pmx/step"
)

// Names of the hyper-parameters of contrastive methods.
const (
	HyperTemperature = "temperature"
	HyperEMAMomentum = "ema_momentum"
)

// DropPathFeed is the feed of the masks of stochastic depth, see DropPath.
const DropPathFeed = "drop_path"

// siameseEncoder is a backbone with its projector: base_encoder.* and
// base_encoder.head.*.
type siameseEncoder struct {
	vit  *ViT
	head *Head
}

func newSiameseEncoder(s Scope, c SiameseConfig) *siameseEncoder {
	return &siameseEncoder{vit: NewViT(s, c.ViTConfig), head: NewHead(s.Sub("head"), c.ProjLayers, c.Dim, c.Hidden, c.OutDim)}
}

func (e *siameseEncoder) forward(x *onnxgraph.Value, drop DropPath) *onnxgraph.Value {
	defer x.Graph().Scope("encoder")()
	return e.head.Forward(e.vit.ForwardClass(x, drop))
}

// Siamese is what contrastive methods share: a query branch (encoder and
// predictor), a key branch without gradient, the feeds of a batch and the
// hyper-parameters. A method combines them into losses.
type Siamese struct {
	Config      SiameseConfig
	Temperature *onnxgraph.Value // [1]

	draft     *Draft
	query     *siameseEncoder
	predictor *Head
	momentum  *siameseEncoder             // nil: keys come from query
	encoded   map[string]*onnxgraph.Value // the query encoder's result by feed
	dropRows  int                         // rows of the drop-path mask that passes have taken
	dropMask  *onnxgraph.Value
}

// NewSiamese makes the parameters of both branches, and the feed of drop-path masks
// for queries passes of a batch through the query encoder.
func NewSiamese(d *Draft, c SiameseConfig, queries int) *Siamese {
	m := &Siamese{Config: c, draft: d, encoded: map[string]*onnxgraph.Value{}}
	m.query = newSiameseEncoder(d.Params(BaseEncoder), c)
	m.predictor = NewHead(d.Params("predictor"), c.PredLayers, c.OutDim, c.Hidden, c.OutDim)
	m.Temperature = d.Hyper(HyperTemperature)
	if c.MomentumEncoder {
		momentum := d.Hyper(HyperEMAMomentum)
		leave := d.graph.Scope("ema")
		m.momentum = newSiameseEncoder(d.Average(BaseEncoder, MomentumEncoder, momentum), c)
		leave()
	}
	if c.DropPath > 0 {
		m.dropMask = d.Feed(DropPathFeed, onnxgraph.Float32, step.Ones, c.Depth, 2, queries*c.Batch)
	}
	d.Serve(func(images *onnxgraph.Value) []Metric {
		features := m.query
		if m.momentum != nil { // see FeatureEncoder
			features = m.momentum
		}
		tokens := features.vit.Forward(images, DropPath{})
		return []Metric{{EncoderClass, op.Gather(tokens, d.graph.Const(onnxgraph.ScalarTensor(int64(0))), 1)}, {EncoderTokens, tokens}}
	})
	return m
}

// Images declares a feed of images [batch 3 side side].
func (m *Siamese) Images(name string, side int) *onnxgraph.Value {
	return m.draft.Feed(name, onnxgraph.Float32, step.Normal, m.Config.Batch, 3, side, side)
}

// Target declares a feed of soft targets [batch batch]: rows are queries,
// columns keys.
func (m *Siamese) Target(name string) *onnxgraph.Value {
	return m.draft.Feed(name, onnxgraph.Float32, step.Identity, m.Config.Batch, m.Config.Batch)
}

// Query is predictor(encoder(x)), x [rows 3 S S]; rows may be several batches
// put together, which then share batch-norm statistics.
func (m *Siamese) Query(x *onnxgraph.Value) *onnxgraph.Value {
	defer m.draft.graph.Scope("q_" + x.Name)()
	return m.predict(m.encode(x))
}

func (m *Siamese) predict(z *onnxgraph.Value) *onnxgraph.Value {
	defer m.draft.graph.Scope("predictor")()
	return m.predictor.Forward(z)
}

func (m *Siamese) encode(x *onnxgraph.Value) *onnxgraph.Value {
	drop := DropPath{}
	if m.dropMask != nil {
		drop = DropPath{mask: m.dropMask, first: m.dropRows}
		m.dropRows += x.Shape[0]
	}
	m.draft.statistics.next(m.draft.step.Batch, x)
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
	defer m.draft.graph.Scope("k_" + x.Name)()
	branch := m.momentum
	if branch == nil {
		branch = m.query
	}
	m.draft.statistics.next(m.draft.step.Batch, x)
	return op.StopGradient(branch.forward(x, DropPath{}))
}

// LocalQueries encodes local crops of one kind as one batch, with common
// batch-norm statistics, and gives the query of each feed, in order.
func (m *Siamese) LocalQueries(crops []*onnxgraph.Value) []*onnxgraph.Value {
	if len(crops) == 0 {
		return nil
	}
	defer m.draft.graph.Scope("local")()
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

// Contrast is ContrastiveLoss at the step's temperature.
func (m *Siamese) Contrast(q, k, target *onnxgraph.Value) *onnxgraph.Value {
	return ContrastiveLoss(q, k, target, m.Temperature)
}

// Mean is the average of losses [1].
func Mean(losses []*onnxgraph.Value) *onnxgraph.Value {
	return op.Mul(op.Sum(losses...), op.Scalar(losses[0], 1/float64(len(losses))))
}
