package cli

import (
	"context"
	"errors"
	"fmt"

	"pmx/artifacts"
	"pmx/evaluation"
	"pmx/training"
)

// The accuracy that a training measures, before, between and after its steps.

// openKNN leaves the images nil where kNN is not wanted or there is nothing to
// classify, which is said.
func (t *trainer) openKNN(ctx context.Context) error {
	if !t.routine.KNN {
		return nil
	}
	holdOut := "--set hold_out=0.1"
	if t.c.Bool("resume") {
		holdOut += " in a new run"
	}
	bank, queries, err := labelledSplits(ctx, t.images, holdOut)
	if _, unlabelled := errors.AsType[*unlabelledError](err); unlabelled {
		fmt.Fprintf(t.c.App.ErrWriter, "note: kNN accuracy is not measured: %s\n", oneLine(err))
		return nil
	}
	if err != nil {
		return err
	}
	printNotes(t.c.App.ErrWriter, accuracyNotes(bank, queries))
	t.bank, t.queries = bank, queries
	return nil
}

// knnHook is nil where openKNN found nothing to do.
func (t *trainer) knnHook(ctx context.Context) (*training.EvalHook, error) {
	if t.bank == nil {
		return nil, nil
	}
	lines, err := t.dir.ReadMetrics()
	if err != nil {
		return nil, err
	}
	measured := map[int64]bool{}
	for _, line := range lines {
		if _, ok := line.Float("knn_top1"); ok {
			measured[line.Step] = true
		}
	}
	const size = 64
	measure := evaluation.OnlineKNN{
		Config: t.recipe.Config, Runtime: t.backend, Options: t.options,
		Bank:    evalBatches(ctx, t.bank, t.recipe.ImageSize, size, false),
		Queries: evalBatches(ctx, t.queries, t.recipe.ImageSize, size, false),
		Images:  t.bank.Len() + t.queries.Len(),
	}
	return &training.EvalHook{
		EveryEpochs: t.routine.KNNEvery, Untrained: true, Last: true,
		Recorded: func(step int64) bool { return measured[step] }, Evaluate: measure.Evaluate,
	}, nil
}

// accuracies are the kNN top-1 in percent before the first of a run's steps and
// after the last, from its metrics, since an earlier session may have measured
// them; ok is false where one of them was not.
func accuracies(run *artifacts.RunDir, steps int64) (untrained, trained float64, ok bool, err error) {
	lines, err := run.ReadMetrics()
	if err != nil {
		return 0, 0, false, err
	}
	measured := map[int64]float64{}
	for _, line := range lines {
		if v, ok := line.Float("knn_top1"); ok {
			measured[line.Step] = v
		}
	}
	untrained, before := measured[0]
	trained, after := measured[steps]
	return untrained, trained, before && after, nil
}
