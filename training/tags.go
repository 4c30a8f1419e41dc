package training

import "maps"

// The tags of a run's numbers, which metrics.jsonl and TensorBoard share: train/loss and
// the step's other metrics, hyper/lr, ..., speed/images_per_s, ..., the epoch's means as
// epoch/loss, ..., with its speed, and what is evaluated as eval/knn_top1, ...

func stepTags(r *StepReport) map[string]float64 {
	tags := map[string]float64{
		"speed/images_per_s": r.imagesPerSecond(),
		"speed/step_s":       r.Compute.Seconds(),
		"speed/data_wait_s":  r.Wait.Seconds(),
	}
	maps.Copy(tags, tagged("train/", r.Metrics))
	maps.Copy(tags, tagged("hyper/", r.Hyper))
	return tags
}

func epochTags(e *EpochReport) map[string]float64 {
	tags := map[string]float64{
		"epoch/time_s":       e.Time.Seconds(),
		"epoch/images_per_s": e.ImagesPerSecond,
		"epoch/wait_share":   e.WaitShare,
		"epoch/step_s":       e.Compute.Seconds(),
		"epoch/data_wait_s":  e.Wait.Seconds(),
	}
	maps.Copy(tags, tagged("epoch/", e.Means))
	return tags
}

func evalTags(values map[string]float64) map[string]float64 { return tagged(evalGroup, values) }

const evalGroup = "eval/"

// EvalTag is the tag of what an evaluation recorded under a name.
func EvalTag(name string) string { return evalGroup + name }

func tagged(group string, values map[string]float64) map[string]float64 {
	tags := make(map[string]float64, len(values))
	for name, v := range values {
		tags[group+name] = v
	}
	return tags
}
