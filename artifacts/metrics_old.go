package artifacts

import (
	"bytes"
	"slices"
	"strings"
)

// Rows written before they had a kind and a time have names of their own: a step's are
// loss, lr, step_s, ..., an epoch's epoch_loss, epoch_s, ..., and an evaluation's knn_top1
// and knn_top5.

func oldKind(fields []field) MetricsKind {
	has := func(prefix string) bool {
		return slices.ContainsFunc(fields, func(f field) bool { return bytes.HasPrefix(f.key, []byte(prefix)) })
	}
	switch {
	case has("epoch_"):
		return MetricsEpoch
	case has("knn_"):
		return MetricsEval
	}
	return MetricsStep
}

// oldStepRow finds the step in an old row of a step, and what follows. Members were sorted,
// so that data_wait_s is the first only there, and the step is near the end.
func oldStepRow(line []byte) (step []byte, ok bool) {
	const key = `,"` + stepKey + `":`
	if !bytes.HasPrefix(line, []byte(`{"data_wait_s":`)) {
		return nil, false
	}
	at := bytes.LastIndex(line, []byte(key))
	return line[at+len(key):], at >= 0
}

// oldTag is the tag of a number that an old row has under key.
func oldTag(kind MetricsKind, key string) string {
	switch kind {
	case MetricsEpoch:
		name := strings.TrimPrefix(key, "epoch_")
		if name == "s" {
			name = "time_s"
		}
		return "epoch/" + name
	case MetricsEval:
		return "eval/" + key
	}
	switch key {
	case "lr", "weight_decay", "ema_momentum", "temperature":
		return "hyper/" + key
	case "images_per_s", "step_s", "data_wait_s":
		return "speed/" + key
	}
	return "train/" + key
}
