package builders

import (
	"cmp"
	"fmt"

	"pmx/onnxgraph"
	"pmx/step"
)

// ORTTraining is a training step as the artifacts of ONNX Runtime Training's
// on-device API (release 1.19): three models which, with a checkpoint of the
// state, its C, Python, C++ or C# interface trains without pmx.
//
// A step of the host is TrainStep, OptimizerStep, LazyResetGrad, with the
// learning rate given twice: to the optimizer (SetLearningRate) and as the input
// lr, which weight decay needs. TrainStep moves the momentum encoder, computes
// loss and gradients and takes weight decay off the parameters; OptimizerStep
// continues with AdamW. The results are the step file's.
//
// Where gradients of several batches are added up before an optimizer step, feed
// weight_decay 0 for all but the last batch and ema_momentum 1 for all but the
// first. Gradients are then summed, not averaged, and clip_grad and grad_norm are of each
// batch's own.
//
// The batch norms of both encoders' heads and of the predictor keep running
// statistics, as PyTorch's do in training mode: TrainStep updates them once for
// each pass through a norm, and the evaluation model normalises by them, so that
// no image's embedding depends on the others of its batch. (PyTorch's count of
// batches, which its update does not need, is left out.) A step file keeps none.
//
// https://onnxruntime.ai/docs/get-started/training-on-device.html
type ORTTraining struct {
	// Step describes the training model's state, inputs and outputs; its Model is
	// nil. TrainStep takes Hyper (float [1] each), then Batch, and gives Metrics
	// (float scalars). State holds trained parameters and, of the kinds ema and
	// statistic, frozen ones; In is the input's name, and the same in the checkpoint.
	Step *step.Step
	// EvalStep describes the evaluation model likewise: nothing is dropped or
	// updated. Its outputs are Metrics, then EncoderClass and EncoderTokens, the
	// encoder's results for the first view: exporting these two for inference
	// leaves an encoder with that view as its only input.
	EvalStep *step.Step

	Training *onnxgraph.Model
	Eval     *onnxgraph.Model
	// Optimizer is a whole ONNX file: its inputs are sequences of tensors, which
	// onnxgraph does without.
	Optimizer []byte
}

// ORTTrainingProperty is the metadata property of the training and evaluation
// models that holds their Step's JSON.
const ORTTrainingProperty = "pmx.ort_training"

// BuildORTTraining writes the artifacts of a plan, whose optimizer must be AdamW with
// one learning rate for all parameters: that is what the library has. eval is the
// plan of the evaluation model, with nothing dropped. Forward and backward pass are
// those of Build.
func BuildORTTraining(p, eval *Plan) (*ORTTraining, error) {
	if err := p.checkORTTraining(); err != nil {
		return nil, err
	}
	a := &ORTTraining{}
	var err error
	if a.Step, a.Training, err = buildModel(p, "training", ORTTrainingProperty, (*Plan).lowerTraining); err != nil {
		return nil, err
	}
	if a.EvalStep, a.Eval, err = buildModel(eval, "eval", ORTTrainingProperty, (*Plan).lowerEval); err != nil {
		return nil, err
	}
	a.Optimizer, err = ortOptimizer()
	return a, err
}

// checkORTTraining refuses what the library's optimizer cannot do.
func (p *Plan) checkORTTraining() error {
	if _, ok := p.Optimizer.(AdamW); p.Optimizer != nil && !ok {
		return fmt.Errorf("builders: %s: ONNX Runtime Training's artifacts are for AdamW: write a step file instead", p.Task)
	}
	if p.Groups == nil {
		return nil
	}
	var fault error
	_, err := onnxgraph.Build(p.Task, func(g *onnxgraph.Graph) {
		d := newDraft(g, &step.Step{}, newRunningStatistics(g, false), lowering{})
		p.Model(d)
		for _, param := range d.trained.List() {
			if group := p.group(param); group.Rate != 1 || group.Parts != nil {
				fault = fmt.Errorf("builders: %s: %s has a learning rate of its own, and ONNX Runtime Training's artifacts have one for all parameters: write a step file instead",
					p.Task, param.Name)
			}
		}
	})
	return cmp.Or(err, fault)
}

// InitialState draws the checkpoint that training starts from, by the names of
// Step.State.
func (a *ORTTraining) InitialState(seed uint64) step.State {
	return a.Step.InitialState(seed)
}
