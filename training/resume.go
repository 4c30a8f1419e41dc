package training

import (
	"encoding/json"
	"errors"
	"fmt"

	"pmx/runtimes"
	"pmx/step"

	"pmx/artifacts"
	"pmx/onnxgraph"
)

// dataState is a checkpoint's "data".
type dataState struct {
	Position Position `json:"position,omitzero"` // the Feeder's
	Epoch    Averages `json:"epoch"`             // of the steps since the epoch began
}

// rngState is a checkpoint's "rng". Every random draw follows from the seed and
// a place (step, epoch, image), so no generator has a state of its own to keep.
type rngState struct {
	Seed uint64 `json:"seed"`
}

// SeedOf is the seed in a checkpoint's header; ok is false where it names none.
func SeedOf(h artifacts.CheckpointHeader) (seed uint64, ok bool) {
	var rng struct{ Seed *uint64 }
	if json.Unmarshal(h.RNG, &rng) != nil || rng.Seed == nil {
		return 0, false
	}
	return *rng.Seed, true
}

// Resume puts the state of a run's newest checkpoint into a session and gives
// the Loop's From. A run that was stopped before its first checkpoint starts from
// the step's initial state, as it did.
//
// configHash is that of the run's configuration, which the checkpoint names too. A
// damaged checkpoint, and one of another configuration, model or seed, is an error.
// The session is untouched unless Resume succeeds.
func Resume(run *artifacts.RunDir, configHash string, s *step.Step, seed uint64, session runtimes.Session) (Resumed, error) {
	checkpoints := run.Checkpoints()
	newest, err := checkpoints.Newest()
	if errors.Is(err, artifacts.ErrNoCheckpoint) {
		return Resumed{}, session.SetState(s.InitialState(seed))
	}
	if err != nil {
		return Resumed{}, err
	}
	path := checkpoints.Path(newest)
	header, state, err := readState(path, configHash, s)
	if err != nil || header.Step != newest {
		if _, damaged := checkpoints.Latest(); damaged != nil { // it says what to do
			return Resumed{}, damaged
		}
	}
	if err != nil {
		return Resumed{}, err
	}
	if err := checkCounter(s, state, header.Step); err != nil {
		return Resumed{}, fmt.Errorf("training: %s: %w", path, err)
	}
	var rng rngState
	var data dataState
	if err := errors.Join(json.Unmarshal(header.RNG, &rng), json.Unmarshal(header.Data, &data)); err != nil {
		return Resumed{}, fmt.Errorf("training: %s does not say where its data and random numbers stand: %w", path, err)
	}
	if rng.Seed != seed {
		return Resumed{}, fmt.Errorf("training: %s was made with seed %d, now it is %d: resume with --set seed=%d", path, rng.Seed, seed, rng.Seed)
	}
	if err := session.SetState(state); err != nil {
		return Resumed{}, err
	}
	return Resumed{Step: header.Step, Position: data.Position, Averages: data.Epoch, Path: path, Arch: header.Arch}, nil
}

// readState reads a checkpoint of the run into tensors of the step's shapes.
func readState(path, configHash string, s *step.Step) (artifacts.CheckpointHeader, step.State, error) {
	r, err := artifacts.OpenCheckpoint(path)
	if err != nil {
		return artifacts.CheckpointHeader{}, nil, err
	}
	defer r.Close()
	if err := r.CheckConfig(configHash); err != nil {
		return r.CheckpointHeader, nil, err
	}
	state := step.State{}
	for _, t := range s.State {
		dtype, err := onnxgraph.ParseDType(t.DType)
		if err != nil {
			return r.CheckpointHeader, nil, err
		}
		state[t.Name] = onnxgraph.Zeros(dtype, t.Shape)
	}
	return r.CheckpointHeader, state, r.ReadState(state)
}

// checkCounter compares the optimizer's count of steps with the checkpoint's.
func checkCounter(s *step.Step, state step.State, want int64) error {
	for _, t := range s.State {
		if t.Kind != step.Counter {
			continue
		}
		if got := onnxgraph.Data[int64](state[t.Name])[0]; got != want {
			return fmt.Errorf("a checkpoint of step %d whose optimizer has counted %d: it is damaged", want, got)
		}
	}
	return nil
}
