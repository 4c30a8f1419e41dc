package tasks

import (
	"fmt"
	"strings"
	"syscall"

	"pmx/builders"
	"pmx/internal/memory"
	"pmx/internal/progress"
	"pmx/onnxgraph"
	"pmx/step"
)

// forecast tells before the first step what the run takes: parameters, memory and disk.
// Its time follows once steps have been timed (training.ProgressHook).
func (t *run) forecast() {
	fmt.Fprintln(t.Log, parametersLine(t.step.State))
	line := ""
	if sized, ok := t.recipe.(Sized); ok && t.Execution.Device == "cpu" {
		s := sized.Sizes()
		line = fmt.Sprintf("memory: %s at least; ", memory.Human(int64(2*s.State+s.Images+s.Activations)))
	}
	one := stateBytes(t.step.State)
	// While one is written, those that are kept are all there.
	need := one * int64(t.routine.Keep+1)
	line += fmt.Sprintf("checkpoints: %s each, up to %s on the disk", memory.Human(one), memory.Human(need))
	free, known := freeBytes(t.dir.Path())
	if known {
		line += fmt.Sprintf(", where %s are free", memory.Human(free))
	}
	fmt.Fprintln(t.Log, line)
	if known && free < need {
		t.note("the disk may be full before the run is done: free some of it, or keep fewer checkpoints (--keep)")
	}
}

// parametersLine counts the parameters that are trained, and the encoder's among them.
func parametersLine(state []step.Tensor) string {
	var all, encoder int64
	for _, s := range state {
		if s.Kind != step.Param {
			continue
		}
		n := int64(onnxgraph.Shape(s.Shape).Size())
		all += n
		if name, of := strings.CutPrefix(s.Name, builders.BaseEncoder+"."); of && !strings.HasPrefix(name, "head.") {
			encoder += n
		}
	}
	line := "parameters: " + progress.Count(all) + " trained"
	if encoder > 0 {
		line += fmt.Sprintf(", %s of them the encoder's", progress.Count(encoder))
	}
	return line
}

// stateBytes is the size of a checkpoint, except for its header.
func stateBytes(state []step.Tensor) (bytes int64) {
	for _, s := range state {
		dtype, err := onnxgraph.ParseDType(s.DType)
		if err != nil { // not of a step that was built
			continue
		}
		bytes += int64(onnxgraph.Shape(s.Shape).Size() * dtype.Size())
	}
	return bytes
}

// freeBytes is what a user may still write where a folder lies; ok is false where the
// system does not tell.
func freeBytes(dir string) (free int64, ok bool) {
	var s syscall.Statfs_t
	if syscall.Statfs(dir, &s) != nil {
		return 0, false
	}
	return int64(s.Bavail * uint64(s.Bsize)), true // the types differ by system
}
