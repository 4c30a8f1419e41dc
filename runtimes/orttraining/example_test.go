package orttraining_test

import (
	"fmt"
	"log"

	"pmx/onnxgraph"
	"pmx/runtimes/orttraining"
)

// Training by on-device artifacts, such as those that pmx build-graph --format
// ort-training or the library's own tool write.
func Example() {
	lib, err := orttraining.Open("libonnxruntime.so")
	if err != nil {
		log.Fatal(err)
	}
	state, err := lib.LoadCheckpoint("artifacts/checkpoint")
	if err != nil {
		log.Fatal(err)
	}
	defer state.Close()
	options, err := lib.NewSessionOptions(orttraining.Options{Threads: 2})
	if err != nil {
		log.Fatal(err)
	}
	defer options.Close()
	session, err := lib.NewTrainingSessionFromFiles(state, orttraining.ModelFiles{
		Training: "artifacts/training_model.onnx", Eval: "artifacts/eval_model.onnx", Optimizer: "artifacts/optimizer_model.onnx",
	}, options)
	if err != nil {
		log.Fatal(err)
	}
	defer session.Close()
	for range 100 {
		feeds := map[string]*onnxgraph.Tensor{} // a tensor for each of session.TrainingInputs()
		out, err := session.TrainStep(feeds)
		if err != nil {
			log.Fatal(err)
		}
		if err := session.OptimizerStep(); err != nil {
			log.Fatal(err)
		}
		if err := session.ResetGradients(); err != nil {
			log.Fatal(err)
		}
		fmt.Println(out["loss"].Float64s()[0])
	}
	if err := state.Save("artifacts/trained", true); err != nil {
		log.Fatal(err)
	}
}
